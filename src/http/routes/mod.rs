//! The list of routes.

mod inventory;
mod jobs;
mod keeping;
mod migration;
mod site;
mod topology;

use super::route::{BodyRule, PathParameter, ValueType};
use super::routing::Routes;

/// Every route there is. OPTIONS, and HEAD where there is GET, come by themselves.
pub static ROUTES: Routes = Routes::new(&[
    site::ROUTES,
    inventory::ROUTES,
    keeping::ROUTES,
    jobs::ROUTES,
    migration::ROUTES,
    topology::ROUTES,
]);

/// Of a JSON body that asks for something. The longest that the manual knows have a few hundred
/// bytes.
const JSON_BYTES_MAX: u64 = 1024 * 1024;

const JSON: BodyRule = BodyRule::AtMost { bytes_max: JSON_BYTES_MAX };

/// A part of a path that is a text.
const fn text(name: &'static str, about: &'static str) -> PathParameter {
    PathParameter { name, about, value: ValueType::Text }
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::super::route::Access;
    use super::*;

    /// The only routes that ask for no password. Whoever adds one thinks twice.
    const ANONYMOUS: [&str; 6] =
        ["/", "/docs", "/docs/", "/docs/{file}", "/rest/is_alive", "/rest/openapi.json"];

    /// The only routes that change nothing and are not asked with GET.
    const SAFE: [&str; 1] = ["/rest/search"];

    #[test]
    fn anonymous_routes_are_listed_and_change_nothing() {
        for route in ROUTES.iter() {
            let listed = ANONYMOUS.contains(&route.pattern);
            assert_eq!(route.access == Access::Anonymous, listed, "{}", route.pattern);
            assert!(!listed || route.method == Method::GET, "{}", route.pattern);
        }
    }

    #[test]
    fn only_administrators_change_anything() {
        for route in ROUTES.iter().filter(|route| !SAFE.contains(&route.pattern)) {
            let changes = route.method != Method::GET;
            let name = (&route.method, route.pattern);
            assert!(!changes || route.access == Access::Administrator, "{name:?}");
        }
    }

    #[test]
    fn no_two_routes_are_the_same() {
        let routes: Vec<_> = ROUTES.iter().collect();
        for (i, a) in routes.iter().enumerate() {
            for b in &routes[..i] {
                assert!((&a.method, a.pattern) != (&b.method, b.pattern), "{}", a.pattern);
                let (a, b) = (a.description.operation, b.description.operation);
                assert_ne!(a, b, "two routes are called so");
            }
        }
    }

    #[test]
    fn a_route_that_takes_a_body_says_which() {
        for route in ROUTES.iter() {
            let takes = route.body != BodyRule::Nothing;
            assert_eq!(takes, !route.description.request.is_empty(), "{}", route.pattern);
        }
    }
}
