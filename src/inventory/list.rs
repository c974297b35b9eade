//! All instances of a kind, paged and ordered.

use super::{
    Inventory, InventoryError, ListRequest, Rows,
    rows::{Answer, Ordering, Shape},
    selection::Selection,
};
use crate::model::{Entity, Kind, KindVisitor};

impl Inventory {
    /// Gives a page of a kind's instances, and says how many the kind has.
    ///
    /// By name, rows come while they are read, and those before the page are not decoded. In
    /// another order everything is looked at before the first row: a walk over each record's
    /// bytes. Without columns a row shows the instance's own properties, and not who names it.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`] for a column or an order that is near to a known word
    /// and that no record has; any other unknown word shows null.
    pub fn list(
        &self,
        kind: Kind,
        request: &ListRequest,
        rows: &mut Rows<'_>,
    ) -> Result<u64, InventoryError> {
        kind.dispatch(List { inventory: self, request, rows })
    }
}

struct List<'a, 'r> {
    inventory: &'a Inventory,
    request: &'a ListRequest,
    rows: &'a mut Rows<'r>,
}

impl KindVisitor for List<'_, '_> {
    type Output = Result<u64, InventoryError>;

    fn visit<E: Entity>(self) -> Self::Output {
        let look = self.inventory.look();
        let answer = Answer::<E> {
            selection: Selection::new(&look, Vec::new())?,
            order: Ordering::resolve(&look, self.request.order.as_ref())?,
            start: self.request.start,
            limit: self.request.limit,
            shape: Shape::resolve(&look, &self.request.columns, |word| word)?,
        };
        answer.give(&look, self.rows)
    }
}
