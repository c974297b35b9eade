//! The list of routes.

mod inventory;
mod jobs;
mod maintenance;
mod migration;
mod site;
mod topology;

use super::route::{BodyRule, OPTIONS_BYTES_MAX, PathParameter, QueryRule, ValueType};
use super::routing::Routes;

/// Every route there is. OPTIONS, and HEAD where there is GET, come by themselves.
pub static ROUTES: Routes = Routes::new(&[
    site::ROUTES,
    inventory::ROUTES,
    maintenance::ROUTES,
    jobs::ROUTES,
    migration::ROUTES,
    topology::ROUTES,
]);

/// Of a JSON body that asks for something and changes nothing.
const JSON: BodyRule = BodyRule::AtMost { bytes_max: OPTIONS_BYTES_MAX };

/// The rule of a call that has no options. One that is sent nevertheless is refused.
const NO_OPTIONS: QueryRule = QueryRule::Known(&[]);

/// A part of a path that is a text.
const fn text(name: &'static str, about: &'static str) -> PathParameter {
    PathParameter { name, about, value: ValueType::Text }
}

/// The options of the call with this name.
#[cfg(test)]
pub(super) fn options_of(operation: &str) -> &'static [super::route::CallOption] {
    let route = ROUTES.iter().find(|route| route.description.operation == operation);
    route.map(|route| route.description.query.options()).expect("an operation of this name")
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::super::route::{Access, Need, Shape};
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
            let options = route.description.query.options();
            let takes = match route.body {
                BodyRule::Nothing => false,
                BodyRule::Options => !options.is_empty(),
                BodyRule::File { .. } | BodyRule::AtMost { .. } => true,
            };
            assert_eq!(takes, !route.description.request.is_empty(), "{}", route.pattern);
        }
    }

    /// What a call that changes something does not know is refused: neither its query nor its body
    /// goes unread.
    #[test]
    fn every_call_but_get_knows_its_options() {
        for route in ROUTES.iter().filter(|route| route.method != Method::GET) {
            let name = (&route.method, route.pattern);
            assert!(matches!(route.description.query, QueryRule::Known(_)), "{name:?}");
            assert_ne!(route.body, BodyRule::Nothing, "{name:?}");
        }
        for route in ROUTES.iter().filter(|route| route.method == Method::GET) {
            assert_eq!(route.body, BodyRule::Nothing, "{}", route.pattern);
            // Only a call whose body was read can require an option.
            let options = route.description.query.options();
            assert!(options.iter().all(|option| option.need == Need::Optional));
        }
    }

    /// A name is one option, and the same option wherever options are taken from.
    #[test]
    fn the_options_of_a_call_have_names_of_their_own() {
        for route in ROUTES.iter() {
            let options = route.description.query.options();
            let names: Vec<_> = options.iter().flat_map(|option| option.names()).collect();
            for (i, name) in names.iter().enumerate() {
                assert!(!names[..i].contains(name), "{name} of {}", route.pattern);
            }
            let shapes = route.description.request.iter().map(|content| content.shape);
            let of_options = shapes.filter(|shape| matches!(shape, Shape::Options(_))).count();
            let expected = match route.body {
                BodyRule::Options if !options.is_empty() => 3,
                BodyRule::File { .. } => 1,
                _ => 0,
            };
            assert_eq!(of_options, expected, "{}", route.pattern);
        }
    }
}
