//! From a method and a path to a route.

use std::borrow::Cow;
use std::sync::OnceLock;

use hyper::Method;
use hyper::header::HeaderValue;

use super::path::Path;
use super::problem::{Problem, ProblemKind, shorten};
use super::route::Route;

/// All routes, in groups.
pub struct Routes {
    groups: &'static [&'static [Route]],
    /// Made with the first request.
    places: OnceLock<Places>,
}

/// Where a method and a path lead.
pub(super) enum Found {
    Route(&'static Route, Parameters),
    /// To the question what the path allows; the answer is in the Allow header.
    Options(HeaderValue),
}

/// What a pattern's `{name}` segments stood for.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// The segment that stood for `{name}`.
    ///
    /// # Errors
    /// The pattern has no such segment: a mistake of ours.
    pub(super) fn get(&self, name: &'static str) -> Result<&str, Problem> {
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, segment)) => Ok(segment),
            None => Err(Problem::internal(&NoSuchParameter(name))),
        }
    }

    /// The same, for a handler that keeps it.
    ///
    /// # Errors
    /// The pattern has no such segment: a mistake of ours.
    pub(super) fn take(&mut self, name: &'static str) -> Result<String, Problem> {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, segment)) => Ok(std::mem::take(segment)),
            None => Err(Problem::internal(&NoSuchParameter(name))),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the route's pattern has no parameter {0:?}")]
struct NoSuchParameter(&'static str);

impl Routes {
    pub(super) const fn new(groups: &'static [&'static [Route]]) -> Self {
        Self { groups, places: OnceLock::new() }
    }

    /// Each route.
    pub fn iter(&self) -> impl Iterator<Item = &'static Route> + use<> {
        self.groups.iter().copied().flatten()
    }

    /// Finds the route of a request. HEAD takes the route of GET, unless it has one of its own.
    ///
    /// # Errors
    /// 404 where no pattern fits the path; 405 with `Allow` where only other methods do.
    pub(super) fn find(&self, method: &Method, path: &Path<'_>) -> Result<Found, Problem> {
        let places = self.places.get_or_init(|| Places::of(self.iter()));
        if *method == Method::OPTIONS && path.segments() == ["*"] {
            return Ok(Found::Options(places.allow.clone()));
        }
        let Some(place) = places.find(path) else {
            let shown = path.segments().join("/");
            let detail = format!("There is nothing at “/{}”.", shorten(&shown));
            return Err(Problem::new(ProblemKind::UnknownPath, detail));
        };
        if *method == Method::OPTIONS {
            return Ok(Found::Options(place.allow.clone()));
        }
        let takes = |wanted: &Method| place.routes.iter().find(|route| route.method == *wanted);
        let route = takes(method).or_else(|| match *method {
            Method::HEAD => takes(&Method::GET),
            _ => None,
        });
        match route {
            Some(route) => Ok(Found::Route(route, place.parameters(path))),
            None => Err(Problem::method_not_allowed(method, place.allow.clone())),
        }
    }
}

/// The patterns, so that a request meets only those with as many segments as its path has.
struct Places {
    by_segments: Vec<Vec<Place>>,
    /// What the server as a whole allows.
    allow: HeaderValue,
}

/// One pattern and the routes that have it.
struct Place {
    pattern: &'static str,
    segments: Vec<Segment>,
    routes: Vec<&'static Route>,
    allow: HeaderValue,
}

/// One segment of a pattern.
#[derive(Clone, Copy)]
enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
}

impl Places {
    fn of(routes: impl Iterator<Item = &'static Route>) -> Self {
        let mut by_segments: Vec<Vec<Place>> = Vec::new();
        let mut methods = Vec::new();
        for route in routes {
            methods.push(&route.method);
            let segments = segments(route.pattern);
            if by_segments.len() <= segments.len() {
                by_segments.resize_with(segments.len() + 1, Vec::new);
            }
            let places = &mut by_segments[segments.len()];
            match places.iter_mut().find(|place| place.pattern == route.pattern) {
                Some(place) => {
                    place.routes.push(route);
                    place.allow = allowed(place.routes.iter().map(|route| &route.method));
                }
                None => places.push(Place {
                    pattern: route.pattern,
                    segments,
                    routes: vec![route],
                    allow: allowed([&route.method].into_iter()),
                }),
            }
        }
        Self { by_segments, allow: allowed(methods.into_iter()) }
    }

    fn find(&self, path: &Path<'_>) -> Option<&Place> {
        let path = path.segments();
        self.by_segments.get(path.len())?.iter().find(|place| place.fits(path))
    }
}

impl Place {
    fn fits(&self, path: &[Cow<'_, str>]) -> bool {
        self.segments.iter().zip(path).all(|(wanted, segment)| match wanted {
            Segment::Literal(literal) => segment == literal,
            Segment::Parameter(_) => !segment.is_empty(),
        })
    }

    fn parameters(&self, path: &Path<'_>) -> Parameters {
        let pairs = self.segments.iter().zip(path.segments());
        let named = pairs.filter_map(|(wanted, segment)| match wanted {
            Segment::Literal(_) => None,
            Segment::Parameter(name) => Some((*name, segment.clone().into_owned())),
        });
        Parameters(named.collect())
    }
}

fn segments(pattern: &'static str) -> Vec<Segment> {
    let inner = pattern.strip_prefix('/').unwrap_or(pattern);
    inner.split('/').map(segment).collect()
}

fn segment(segment: &'static str) -> Segment {
    match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
        Some(name) => Segment::Parameter(name),
        None => Segment::Literal(segment),
    }
}

/// The value of `Allow`: these methods, HEAD where there is GET, and OPTIONS; each once.
fn allowed<'m>(methods: impl Iterator<Item = &'m Method>) -> HeaderValue {
    let mut words: Vec<&str> = vec![Method::OPTIONS.as_str()];
    for method in methods {
        words.push(method.as_str());
        if *method == Method::GET {
            words.push(Method::HEAD.as_str());
        }
    }
    words.sort_unstable();
    words.dedup();
    // Method names are always a header value.
    HeaderValue::try_from(words.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}

#[cfg(test)]
mod tests {
    use super::super::routes::ROUTES;
    use super::*;

    fn found(method: Method, path: &str) -> Option<(&'static str, Parameters)> {
        match ROUTES.find(&method, &Path::parse(path).unwrap()) {
            Ok(Found::Route(route, parameters)) => Some((route.pattern, parameters)),
            Ok(Found::Options(_)) | Err(_) => None,
        }
    }

    #[test]
    fn a_path_leads_to_its_route_with_its_parameters() {
        let (pattern, parameters) = found(Method::HEAD, "/rest/instance/device/R%201%25").unwrap();
        assert_eq!(pattern, "/rest/instance/{kind}/{name}");
        assert_eq!(parameters.get("kind").unwrap(), "device");
        assert_eq!(parameters.get("name").unwrap(), "R 1%");
        assert!(parameters.get("id").is_err());
        for path in ["/rest/instance/device/", "/rest/instance//x", "/rest/instance/device/x/y"] {
            assert!(found(Method::GET, path).is_none(), "{path}");
        }
        assert!(found(Method::PATCH, "/rest/instance/device/x").is_none());
    }

    /// The first that fits is taken, so only one may fit.
    #[test]
    fn no_path_fits_two_patterns() {
        let places = Places::of(ROUTES.iter());
        for places in &places.by_segments {
            for (i, a) in places.iter().enumerate() {
                for b in &places[..i] {
                    let apart = a.segments.iter().zip(&b.segments).any(|pair| match pair {
                        (Segment::Literal(a), Segment::Literal(b)) => a != b,
                        // A parameter is never empty.
                        (Segment::Parameter(_), Segment::Literal(""))
                        | (Segment::Literal(""), Segment::Parameter(_)) => true,
                        (Segment::Parameter(_), _) | (_, Segment::Parameter(_)) => false,
                    });
                    assert!(apart, "{} and {}", a.pattern, b.pattern);
                }
            }
        }
    }
}
