//! The list of endpoints: every route with its handler.

mod audit;
mod backup;
mod feeds;
mod history;
mod inventory;
mod jobs;
mod maintenance;
mod migration;
mod sessions;
mod setup;
mod site;
mod tokens;
mod topology;

use super::{
    description::{BodyRule, OPTIONS_BYTES_MAX, PathParameter, QueryRule, ValueType},
    endpoint::Endpoint,
    route::RouteTable,
};

/// Returns every endpoint.
pub(super) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    let groups = [
        site::ENDPOINTS,
        setup::ENDPOINTS,
        sessions::ENDPOINTS,
        tokens::ENDPOINTS,
        inventory::ENDPOINTS,
        feeds::ENDPOINTS,
        history::ENDPOINTS,
        audit::ENDPOINTS,
        maintenance::ENDPOINTS,
        jobs::ENDPOINTS,
        migration::ENDPOINTS,
        topology::ENDPOINTS,
        backup::ENDPOINTS,
    ];
    groups.into_iter().flatten()
}

/// Returns every route that the server has.
pub fn route_table() -> RouteTable {
    RouteTable::new(endpoints().map(|endpoint| &endpoint.route))
}

/// The rule of a JSON body of a call that changes nothing.
const JSON: BodyRule = BodyRule::AtMost { bytes_max: OPTIONS_BYTES_MAX };

/// The rule of a call without options. An option that is sent is refused.
const NO_OPTIONS: QueryRule = QueryRule::Known(&[]);

/// Returns a path parameter that is a text.
const fn text(name: &'static str, about: &'static str) -> PathParameter {
    PathParameter { name, about, value: ValueType::Text }
}

/// Returns the options of the call with this operation name.
#[cfg(test)]
pub(super) fn options_of(operation: &str) -> &'static [super::description::CallOption] {
    let table = route_table();
    let route = table.iter().find(|route| route.description.operation == operation);
    route.map(|route| route.description.query.options()).expect("an operation of this name")
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::*;
    use crate::{
        access::Right,
        http::{
            description::{Need, Shape},
            paths,
        },
    };

    /// The only routes without a password. Think twice before adding one.
    const ANONYMOUS: [(Method, &str); 15] = [
        (Method::GET, paths::FRONT_PAGE.pattern()),
        (Method::GET, paths::CONSOLE.pattern()),
        (Method::GET, paths::CONSOLE_FRONT.pattern()),
        (Method::GET, paths::CONSOLE_FILE.pattern()),
        (Method::GET, paths::CONSOLE_FOLDER_FILE.pattern()),
        (Method::GET, paths::SETUP.pattern()),
        (Method::POST, paths::SETUP.pattern()),
        (Method::POST, paths::SESSION.pattern()),
        (Method::GET, paths::DOCS.pattern()),
        (Method::GET, paths::DOCS_FRONT.pattern()),
        (Method::GET, paths::DOCS_FILE.pattern()),
        (Method::GET, paths::IS_ALIVE.pattern()),
        (Method::GET, paths::LIVEZ.pattern()),
        (Method::GET, paths::READYZ.pattern()),
        (Method::GET, paths::OPENAPI.pattern()),
    ];

    /// The only routes that change nothing and have another method than GET.
    const SAFE: [&str; 1] = [paths::SEARCH.pattern()];

    #[test]
    fn anonymous_routes_are_listed_and_change_nothing() {
        for route in route_table().iter() {
            let listed = ANONYMOUS.contains(&(route.method.clone(), route.pattern));
            assert_eq!(route.right == Right::Public, listed, "{}", route.pattern);
            let changes = route.method != Method::GET;
            assert!(!listed || !changes || is_way_in(route), "{}", route.pattern);
        }
    }

    #[test]
    fn a_right_to_read_changes_nothing() {
        for route in route_table().iter().filter(|route| route.method != Method::GET) {
            let reads = matches!(route.right, Right::Public | Right::Read | Right::Feeds);
            let name = (&route.method, route.pattern);
            let is_safe = SAFE.contains(&route.pattern) || is_way_in(route);
            assert_eq!(reads, is_safe, "{name:?}");
        }
    }

    /// The only changes without a login: the code of the set-up link takes its place, or the body has the
    /// password.
    fn is_way_in(route: &crate::http::route::Route) -> bool {
        let is_listed = [paths::SETUP.pattern(), paths::SESSION.pattern()].contains(&route.pattern);
        is_listed && route.right == Right::Public
    }

    #[test]
    fn no_two_routes_are_the_same() {
        let table = route_table();
        let routes: Vec<_> = table.iter().collect();
        for (i, a) in routes.iter().enumerate() {
            for b in &routes[..i] {
                assert!((&a.method, a.pattern) != (&b.method, b.pattern), "{}", a.pattern);
                let (a, b) = (a.description.operation, b.description.operation);
                assert_ne!(a, b, "two operations have the same name");
            }
        }
    }

    #[test]
    fn every_body_is_described() {
        for route in route_table().iter() {
            let options = route.description.query.options();
            let has_body = match route.body {
                BodyRule::Nothing => false,
                BodyRule::Options => !options.is_empty(),
                BodyRule::File { .. }
                | BodyRule::AtMost { .. }
                | BodyRule::OptionsOrFile { .. } => true,
            };
            assert_eq!(has_body, !route.description.request.is_empty(), "{}", route.pattern);
        }
    }

    /// A call that changes something refuses unknown options in its query and its body: it reads
    /// both.
    #[test]
    fn every_call_but_get_lists_its_options() {
        for route in route_table().iter().filter(|route| route.method != Method::GET) {
            let name = (&route.method, route.pattern);
            assert!(matches!(route.description.query, QueryRule::Known(_)), "{name:?}");
            assert_ne!(route.body, BodyRule::Nothing, "{name:?}");
        }
        for route in route_table().iter().filter(|route| route.method == Method::GET) {
            assert_eq!(route.body, BodyRule::Nothing, "{}", route.pattern);
            // Only a call with a body can require an option.
            let options = route.description.query.options();
            // The handler of `GET /rest/diff` requires its option itself.
            let requires = route.pattern == paths::DIFFERENCE.pattern();
            assert!(requires || options.iter().all(|option| option.need == Need::Optional));
        }
    }

    /// A name means the same option in the query, in JSON and in a form.
    #[test]
    fn the_options_of_a_call_have_distinct_names() {
        for route in route_table().iter() {
            let options = route.description.query.options();
            let names: Vec<_> = options.iter().flat_map(|option| option.names()).collect();
            for (i, name) in names.iter().enumerate() {
                assert!(!names[..i].contains(name), "{name} of {}", route.pattern);
            }
            let shapes = route.description.request.iter().map(|content| content.shape);
            let of_options = shapes.filter(|shape| matches!(shape, Shape::Options(_))).count();
            let expected = match route.body {
                BodyRule::Options | BodyRule::OptionsOrFile { .. } if !options.is_empty() => 3,
                BodyRule::File { .. } => 1,
                _ => 0,
            };
            assert_eq!(of_options, expected, "{}", route.pattern);
        }
    }
}
