//! The list of routes.

use hyper::Method;

use super::handlers::{migration, projects, site};
use super::route::{Access, BodyRule, Route, Routes};

/// Of a JSON body. The longest that the manual knows have a few hundred bytes.
const JSON_BYTES_MAX: u64 = 1024 * 1024;

/// Of an uploaded bundle. A million devices and their links take about 150 MB.
const BUNDLE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

const JSON: BodyRule = BodyRule::AtMost { bytes_max: JSON_BYTES_MAX };
const BUNDLE: BodyRule = BodyRule::AtMost { bytes_max: BUNDLE_BYTES_MAX };

/// Every route there is. OPTIONS, and HEAD where there is GET, come by themselves.
pub static ROUTES: Routes = Routes(&[
    Route {
        method: Method::GET,
        pattern: "/",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        handler: |call| Box::pin(site::welcome(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/is_alive",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        handler: |call| Box::pin(site::is_alive(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/migrate/export",
        access: Access::Administrator,
        body: JSON,
        handler: |call| Box::pin(migration::export(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/migrate/import",
        access: Access::Administrator,
        body: JSON,
        handler: |call| Box::pin(migration::import(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/migrate/reports/{id}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        handler: |call| Box::pin(migration::report(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/migrate/projects",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        handler: |call| Box::pin(projects::list(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/migrate/projects/{name}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        handler: |call| Box::pin(projects::download(call)),
    },
    Route {
        method: Method::PUT,
        pattern: "/rest/migrate/projects/{name}",
        access: Access::Administrator,
        body: BUNDLE,
        handler: |call| Box::pin(projects::upload(call)),
    },
    Route {
        method: Method::DELETE,
        pattern: "/rest/migrate/projects/{name}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        handler: |call| Box::pin(projects::remove(call)),
    },
]);

#[cfg(test)]
mod tests {
    use super::*;

    /// The only routes that ask for no password. Whoever adds one thinks twice.
    const ANONYMOUS: [&str; 2] = ["/", "/rest/is_alive"];

    #[test]
    fn anonymous_routes_are_listed_and_change_nothing() {
        for route in ROUTES.0 {
            let listed = ANONYMOUS.contains(&route.pattern);
            assert_eq!(route.access == Access::Anonymous, listed, "{}", route.pattern);
            assert!(!listed || route.method == Method::GET, "{}", route.pattern);
        }
    }

    #[test]
    fn no_two_routes_are_the_same() {
        for (i, a) in ROUTES.0.iter().enumerate() {
            for b in &ROUTES.0[..i] {
                assert!((&a.method, a.pattern) != (&b.method, b.pattern), "{}", a.pattern);
            }
        }
    }
}
