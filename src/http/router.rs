//! The router: finds the endpoint for a method and a path.

use std::borrow::Cow;

use hyper::{Method, header::HeaderValue};

use super::{
    endpoint::Endpoint,
    parameters::Parameters,
    path::Path,
    paths,
    problem::{Problem, ProblemKind, shorten},
};

/// The endpoints by pattern. A request is compared only with the patterns that have as many
/// segments as its path.
pub(super) struct Router {
    /// At index `n` the patterns of `n` segments.
    by_segments: Vec<Vec<PatternEndpoints>>,
    /// The value of `Allow` for the server as a whole (`OPTIONS *`).
    allow: HeaderValue,
}

/// The result of a search in the router.
pub(super) enum Match {
    Endpoint(&'static Endpoint, Parameters),
    /// For an OPTIONS request: the value of the `Allow` header.
    Options(HeaderValue),
}

/// One pattern with its endpoints, which differ in their methods.
struct PatternEndpoints {
    pattern: &'static str,
    segments: Vec<Segment>,
    endpoints: Vec<&'static Endpoint>,
    allow: HeaderValue,
}

/// One segment of a pattern.
#[derive(Clone, Copy)]
enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
}

impl Router {
    pub(super) fn new(endpoints: impl Iterator<Item = &'static Endpoint>) -> Self {
        let mut by_segments: Vec<Vec<PatternEndpoints>> = Vec::new();
        let mut methods = Vec::new();
        for endpoint in endpoints {
            methods.push(&endpoint.route.method);
            let segments = segments(endpoint.route.pattern);
            if by_segments.len() <= segments.len() {
                by_segments.resize_with(segments.len() + 1, Vec::new);
            }
            let patterns = &mut by_segments[segments.len()];
            match patterns.iter_mut().find(|known| known.pattern == endpoint.route.pattern) {
                Some(known) => {
                    known.endpoints.push(endpoint);
                    known.allow = allow(known.endpoints.iter().map(|known| &known.route.method));
                }
                None => patterns.push(PatternEndpoints {
                    pattern: endpoint.route.pattern,
                    segments,
                    endpoints: vec![endpoint],
                    allow: allow([&endpoint.route.method].into_iter()),
                }),
            }
        }
        Self { by_segments, allow: allow(methods.into_iter()) }
    }

    /// Finds the endpoint of a request. A HEAD request uses the GET endpoint unless the path has
    /// a HEAD endpoint.
    ///
    /// # Errors
    /// 404 if no pattern matches the path; 405 with `Allow` if the path has no endpoint for the
    /// method.
    pub(super) fn find(&self, method: &Method, path: &Path<'_>) -> Result<Match, Problem> {
        if *method == Method::OPTIONS && path.segments() == ["*"] {
            return Ok(Match::Options(self.allow.clone()));
        }
        let Some(found) = self.pattern_of(path) else {
            let shown = path.segments().join("/");
            let detail = match enms_call(path) {
                Some(call) => format!("“/{}” is a call of eNMS's {}", shorten(&shown), call.why()),
                None => format!("Nothing exists at “/{}”.", shorten(&shown)),
            };
            return Err(Problem::new(ProblemKind::UnknownPath, detail));
        };
        if *method == Method::OPTIONS {
            return Ok(Match::Options(found.allow.clone()));
        }
        let endpoint = found
            .endpoint(method)
            .or_else(|| if *method == Method::HEAD { found.endpoint(&Method::GET) } else { None });
        match endpoint {
            Some(endpoint) => Ok(Match::Endpoint(endpoint, found.parameters(path))),
            None => Err(Problem::method_not_allowed(method, found.allow.clone())),
        }
    }

    /// Returns the pattern that matches the path.
    fn pattern_of(&self, path: &Path<'_>) -> Option<&PatternEndpoints> {
        let path = path.segments();
        self.by_segments.get(path.len())?.iter().find(|known| known.matches(path))
    }
}

/// A call of eNMS that Satchel does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EnmsCall {
    /// It runs a service or a task, or is about runs.
    Automation,
    /// It is about the servers of a cluster.
    Cluster,
    /// It reads the repository of configurations.
    Git,
    /// It computes which users can access which devices.
    Rights,
}

/// The calls of eNMS 4.6 (`eNMS/rest_api.py`) that Satchel does not have.
const ENMS_CALLS: [(&str, EnmsCall); 8] = [
    ("get_cluster_status", EnmsCall::Cluster),
    ("get_git_content", EnmsCall::Git),
    ("result", EnmsCall::Automation),
    ("run_service", EnmsCall::Automation),
    ("run_task", EnmsCall::Automation),
    ("update_database_configurations_from_git", EnmsCall::Git),
    ("update_device_rbac", EnmsCall::Rights),
    ("workers", EnmsCall::Automation),
];

/// Returns the call of eNMS that a path means.
fn enms_call(path: &Path<'_>) -> Option<EnmsCall> {
    let ["rest", name, ..] = path.segments().iter().map(|it| &**it).collect::<Vec<_>>()[..] else {
        return None;
    };
    ENMS_CALLS.iter().find(|(known, _)| *known == name).map(|(_, call)| *call)
}

impl EnmsCall {
    /// Returns the end of the sentence about the call: what it belongs to, and what Satchel does.
    fn why(self) -> String {
        match self {
            Self::Automation => {
                "automation. Satchel stores services, workflows and tasks, but does \
                                 not run them: send this call to eNMS."
                    .to_owned()
            }
            Self::Cluster => format!(
                "cluster. A Satchel server has no cluster. “GET {}” says whether it runs.",
                paths::IS_ALIVE.pattern()
            ),
            Self::Git => format!(
                "configuration backup. Satchel does not use git: configurations are stored with “PUT \
                 {}”.",
                paths::CONFIGURATION.pattern()
            ),
            Self::Rights => {
                "access rights. Satchel does not copy the “rbac_group_” lists of pools \
                             to devices. Set “rbac_read” and “rbac_edit” of the devices."
                    .to_owned()
            }
        }
    }
}

impl PatternEndpoints {
    /// Returns whether a path of as many segments matches the pattern.
    fn matches(&self, path: &[Cow<'_, str>]) -> bool {
        self.segments.iter().zip(path).all(|(expected, segment)| match expected {
            Segment::Literal(literal) => segment == literal,
            Segment::Parameter(_) => !segment.is_empty(),
        })
    }

    /// Returns the endpoint for a method.
    fn endpoint(&self, method: &Method) -> Option<&'static Endpoint> {
        self.endpoints.iter().copied().find(|endpoint| endpoint.route.method == *method)
    }

    /// Returns the segments of a matching path that stand for the pattern's parameters.
    fn parameters(&self, path: &Path<'_>) -> Parameters {
        let pairs = self.segments.iter().zip(path.segments());
        Parameters::new(pairs.filter_map(|(expected, segment)| match expected {
            Segment::Literal(_) => None,
            Segment::Parameter(name) => Some((*name, segment.clone().into_owned())),
        }))
    }
}

/// Returns the segments of a pattern.
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

/// Returns the value of `Allow`: these methods, OPTIONS, and HEAD if GET is among them; sorted,
/// without duplicates.
fn allow<'m>(methods: impl Iterator<Item = &'m Method>) -> HeaderValue {
    let mut words: Vec<&str> = vec![Method::OPTIONS.as_str()];
    for method in methods {
        words.push(method.as_str());
        if *method == Method::GET {
            words.push(Method::HEAD.as_str());
        }
    }
    words.sort_unstable();
    words.dedup();
    // Method names are always a valid header value.
    HeaderValue::try_from(words.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{
        paths::{INSTANCE, INSTANCES},
        routes::endpoints,
    };

    fn found(method: Method, path: &str) -> Option<(&'static str, Parameters)> {
        match Router::new(endpoints()).find(&method, &Path::parse(path).unwrap()) {
            Ok(Match::Endpoint(endpoint, parameters)) => Some((endpoint.route.pattern, parameters)),
            Ok(Match::Options(_)) | Err(_) => None,
        }
    }

    #[test]
    fn a_path_is_matched_with_its_parameters() {
        let path = INSTANCE.path(["device", "R 1%"]);
        let (pattern, parameters) = found(Method::HEAD, &path).unwrap();
        assert_eq!(pattern, INSTANCE.pattern());
        assert_eq!(parameters.get("kind").unwrap(), "device");
        assert_eq!(parameters.get("name").unwrap(), "R 1%");
        assert!(parameters.get("id").is_err());
        let instances = INSTANCES.path(["device"]);
        for path in [format!("{instances}/"), format!("{instances}/x/y"), INSTANCES.path([""])] {
            assert!(found(Method::GET, &path).is_none(), "{path}");
        }
        assert!(found(Method::PATCH, &path).is_none());
    }

    #[test]
    fn missing_calls_of_enms_have_an_explanation() {
        let router = Router::new(endpoints());
        let detail = |path: &str| match router.find(&Method::POST, &Path::parse(path).unwrap()) {
            Err(problem) if problem.is(ProblemKind::UnknownPath) => problem.detail().to_owned(),
            Err(_) | Ok(_) => panic!("{path} exists"),
        };
        for (name, _) in ENMS_CALLS {
            let sentence = detail(&format!("/rest/{name}"));
            assert!(sentence.starts_with(&format!("“/rest/{name}” is a call of eNMS's")), "{name}");
        }
        let result = detail("/rest/result/Check%20BGP/2026-11-27%2010:00:00");
        assert!(result.contains("does not run them"), "{result}");
        assert_eq!(detail("/rest/nowhere"), "Nothing exists at “/rest/nowhere”.");
        assert_eq!(detail("/run_service"), "Nothing exists at “/run_service”.");
    }

    /// The router takes the first pattern that matches.
    #[test]
    fn no_path_matches_two_patterns() {
        for patterns in &Router::new(endpoints()).by_segments {
            for (i, a) in patterns.iter().enumerate() {
                for b in &patterns[..i] {
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
