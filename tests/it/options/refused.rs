//! Misspelt, duplicate, contradicting and wrong options are refused in every place of a request, and
//! nothing is changed.

use satchel::http::CallOption;

use super::calls::{Call, Place, changing, member, places, server, state, values, wrong};

/// A name that is clearly misspelt.
fn misspelt(name: &str) -> String {
    let mut name = name.to_owned();
    name.insert(name.len() - 1, 'x');
    name
}

/// The required options except this one, so that only the tested option is wrong.
fn required(options: &[CallOption], without: &str) -> Vec<(&'static str, &'static str)> {
    let required = options.iter().filter(|option| option.need == satchel::http::Need::Required);
    let others = required.filter(|option| option.name != without);
    others.map(|option| (option.name, values(option)[0])).collect()
}

#[test]
fn an_unknown_option_is_refused_with_the_nearest_in_query_form_and_json() {
    let server = server();
    let before = state(&server);
    let mut tried = 0;
    for route in changing() {
        let options = route.description.query.options();
        for place in places(route) {
            // The name of an option of another call is unknown like a misspelt one.
            let others = ["dry_run", "dryrun", "tpyo"].iter().map(|name| (*name).to_owned());
            let others = others.map(|name| (name, None));
            let near = options.iter().flat_map(CallOption::names);
            let near = near.map(|name| (misspelt(name), Some(name)));
            for (name, nearest) in others.chain(near) {
                if options.iter().flat_map(CallOption::names).any(|known| known == name) {
                    continue;
                }
                let mut sent = required(options, "");
                sent.push((&name, "true"));
                let answer = Call::new(&server, route).with(*place, &sent).send();
                let what = format!("{} {} {name} {place:?}", route.method, route.pattern);
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                assert_eq!(answer.status, 400, "{what}: {text}");
                let problem = answer.json();
                let error = &problem["errors"][0];
                assert_eq!(error["code"], "unknown-option", "{what}: {problem}");
                assert!(
                    error[member(*place)].as_str().unwrap().ends_with(&name),
                    "{what}: {problem}"
                );
                if let Some(nearest) = nearest {
                    assert_eq!(error["nearest"], nearest, "{what}: {problem}");
                }
                tried += 1;
            }
        }
        assert_eq!(state(&server), before, "{} {}", route.method, route.pattern);
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn a_duplicate_option_is_refused_even_with_equal_values() {
    let server = server();
    let before = state(&server);
    for route in changing() {
        for option in route.description.query.options() {
            for place in places(route) {
                let value = values(option)[0];
                let mut sent = required(route.description.query.options(), option.name);
                sent.extend([(option.name, value), (option.name, value)]);
                let answer = Call::new(&server, route).with(*place, &sent).send();
                let what = format!("{} {} {place:?}", route.pattern, option.name);
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                assert_eq!(answer.status, 400, "{what}: {text}");
                assert!(text.contains("more than once") || text.contains("occurs twice"), "{text}");
                assert!(text.contains(option.name), "{what}: {text}");
            }
        }
        assert_eq!(state(&server), before, "{} {}", route.method, route.pattern);
    }
}

#[test]
fn contradicting_values_are_refused_and_equal_values_are_not() {
    let server = server();
    let before = state(&server);
    for route in changing() {
        let options = route.description.query.options();
        for option in options {
            let [one, other] = values(option);
            let bodies = places(route).iter().filter(|place| **place != Place::Query);
            for place in bodies {
                let mut sent = required(options, option.name);
                sent.push((option.name, other));
                let call = Call::new(&server, route).with(Place::Query, &[(option.name, one)]);
                let answer = call.with(*place, &sent).send();
                let what = format!("{} {} {place:?}", route.pattern, option.name);
                let problem = answer.problem(400, "malformed-body");
                let detail = problem["detail"].as_str().unwrap();
                assert!(
                    detail.contains("are the same option, but their values differ"),
                    "{what}: {problem}"
                );
            }
            // The same applies to the two names of one option.
            for alias in option.aliases {
                for place in places(route) {
                    let mut sent = required(options, option.name);
                    sent.extend([(option.name, one), (*alias, other)]);
                    let answer = Call::new(&server, route).with(*place, &sent).send();
                    assert_eq!(answer.status, 400, "{} {alias} {place:?}", route.pattern);
                }
            }
        }
        assert_eq!(state(&server), before, "{} {}", route.method, route.pattern);
    }
}

#[test]
fn a_wrong_value_is_refused_even_if_the_option_has_no_effect() {
    let server = server();
    let before = state(&server);
    for route in changing() {
        let options = route.description.query.options();
        for option in options {
            let Some(value) = wrong(option) else { continue };
            for place in places(route) {
                let mut sent = required(options, option.name);
                sent.push((option.name, value));
                let answer = Call::new(&server, route).with(*place, &sent).send();
                let what = format!("{} {} {place:?}", route.pattern, option.name);
                assert_eq!(answer.status, 400, "{what}");
                let problem = answer.json();
                let at = problem["errors"][0][member(*place)].as_str().unwrap().to_owned();
                assert!(at.contains(option.name), "{what}: {problem}");
            }
        }
        assert_eq!(state(&server), before, "{} {}", route.method, route.pattern);
    }
}
