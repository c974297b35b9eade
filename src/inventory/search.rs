//! The instances that meet criteria.

use super::{
    Criterion, Filter, Inventory, InventoryError, Rows, SearchRequest, SearchTotals,
    look::Look,
    rows::{Answer, Ordering, Shape},
    selection::{Asked, Selection},
    word::{Use, Word},
};
use crate::model::{Anchors, Comparison, Entity, KindVisitor};

impl Inventory {
    /// Gives a page of the instances that meet every criterion, and says how many do, and how
    /// many instances the kind has.
    ///
    /// Values are compared as Python's `str` spells them, and defaults count where a record says
    /// nothing; of a relation, in either direction, any of the names has to be as asked. A
    /// criterion whose text is empty asks nothing, unless it asks for nothing
    /// ([`Filter::Empty`]). In a long text, `^` and `$` are the ends of a line.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`] for a criterion's property that neither Satchel nor any
    /// record knows, and for a column or an order as in [`Inventory::list`];
    /// [`InventoryError::Regex`].
    pub fn search(
        &self,
        request: &SearchRequest,
        rows: &mut Rows<'_>,
    ) -> Result<SearchTotals, InventoryError> {
        request.kind.dispatch(Search { inventory: self, request, rows })
    }
}

struct Search<'a, 'r> {
    inventory: &'a Inventory,
    request: &'a SearchRequest,
    rows: &'a mut Rows<'r>,
}

impl KindVisitor for Search<'_, '_> {
    type Output = Result<SearchTotals, InventoryError>;

    fn visit<E: Entity>(self) -> Self::Output {
        let look = self.inventory.look();
        let SearchRequest { kind, columns, criteria, order, start, limit, context_lines } =
            self.request;
        let asking = criteria.iter().filter(|criterion| criterion.asks());
        let checks: Vec<(Word, Asked)> =
            asking.map(|criterion| check::<E>(&look, criterion)).collect::<Result<_, _>>()?;
        let with_lines = |word| with_lines(word, &checks, *context_lines as usize);
        let shape = Shape::resolve(&look, columns, with_lines)?;
        let answer = Answer::<E> {
            selection: Selection::new(&look, checks)?,
            order: Ordering::resolve(&look, order.as_ref())?,
            start: *start,
            limit: Some(*limit),
            shape,
        };
        let matched = answer.give(&look, self.rows)?;
        Ok(SearchTotals { matched, total: look.reading.summary()?.kind(*kind).count })
    }
}

impl Criterion {
    fn asks(&self) -> bool {
        match self.filter {
            Filter::Empty => true,
            Filter::Inclusion | Filter::Equality | Filter::Regex => !self.value.is_empty(),
        }
    }
}

/// What a criterion asks.
fn check<E: Entity>(
    look: &Look<'_>,
    criterion: &Criterion,
) -> Result<(Word, Asked), InventoryError> {
    let Criterion { property, value, filter, invert } = criterion;
    let word = Word::resolve::<E>(look, property, Use::Ask)?;
    let anchors = match word {
        Word::LongText(_) | Word::Lines { .. } => Anchors::Lines,
        Word::Name
        | Word::Property { .. }
        | Word::Custom(_)
        | Word::Relation(_)
        | Word::Members(_)
        | Word::MemberCount(_) => Anchors::Text,
    };
    let comparison = match filter {
        Filter::Inclusion => Comparison::inclusion(value),
        Filter::Equality => Comparison::Equality(value.clone()),
        Filter::Empty => Comparison::Empty,
        Filter::Regex => Comparison::regex(value, anchors).map_err(|fault| {
            let property = property.clone();
            InventoryError::Regex { property, detail: fault.detail, position: fault.position }
        })?,
    };
    Ok((word, Asked::Compare { comparison, wanted: !invert }))
}

/// A column of lines shows those that the criteria on its text ask for.
fn with_lines(word: Word, checks: &[(Word, Asked)], context_lines: usize) -> Word {
    let Word::Lines { text, .. } = word else { return word };
    let comparisons = checks.iter().filter_map(|(asked_word, asked)| match (asked_word, asked) {
        (Word::LongText(asked_text), Asked::Compare { comparison, wanted: true })
            if *asked_text == text =>
        {
            match comparison {
                Comparison::Inclusion(_) | Comparison::Equality(_) | Comparison::Regex(_) => {
                    Some(comparison.clone())
                }
                Comparison::Empty => None,
            }
        }
        _ => None,
    });
    Word::Lines { text, comparisons: comparisons.collect(), context_lines }
}
