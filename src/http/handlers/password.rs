//! The handler with which users change their own passwords.

use std::sync::Arc;

use hyper::{StatusCode, header::SET_COOKIE};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::sessions::{PASSWORD, new_session, text};
use crate::{
    access::Credentials,
    http::{
        blocking::Lane,
        call::Call,
        credentials,
        object_reader::ObjectReader,
        problem::{Flaw, Problem, ProblemKind, RequestLocation},
        response::{self, Response},
    },
};

const NEW_PASSWORD: &str = "new_password";

/// Handles `PUT /rest/password`. All sessions and tokens of the user end. A browser that changes the
/// password in a session gets a new one.
pub(in crate::http) async fn change(call: Call) -> Result<Response, Problem> {
    let origin = call.origin()?;
    let name = call.caller.require_principal()?.name.clone();
    let Call { app, caller, headers, source, session_cookie, mut body, .. } = call;
    let sent = passwords(body.json_object(&headers, &app.body_memory).await?)?;
    let of = |password| Arc::new(Credentials { name: name.clone(), password });
    let (present, new) = (of(sent.present), of(sent.new));
    credentials::log_in(&app, present.clone(), source).await.map_err(of_present_password)?;

    let (changer, changed) = (app.clone(), new.clone());
    let change = move || changer.login.change_password(&present, &changed, &origin, source);
    app.blocking.run(Lane::Password, change).await??;
    tracing::info!(user = name, "The user changed the own password.");

    let mut response = response::empty(StatusCode::NO_CONTENT);
    if caller.session().is_some() {
        let (_, text) = new_session(&app, &headers, source, new).await?;
        response.headers_mut().insert(SET_COOKIE, session_cookie.set(&text)?);
    }
    Ok(response)
}

/// The passwords in the body.
struct Passwords {
    present: Zeroizing<String>,
    new: Zeroizing<String>,
}

fn passwords(object: Map<String, Value>) -> Result<Passwords, Problem> {
    let mut reader = ObjectReader::new(object);
    let present = reader.required(PASSWORD, |flaws, value| text(flaws, PASSWORD, value));
    let new = reader.required(NEW_PASSWORD, |flaws, value| text(flaws, NEW_PASSWORD, value));
    let passwords = present.zip(new).map(|(present, new)| Passwords {
        present: Zeroizing::new(present),
        new: Zeroizing::new(new),
    });
    reader.finish(passwords)
}

/// A wrong present password is not a reason to log in again, so it is 403 instead of 401.
fn of_present_password(problem: Problem) -> Problem {
    if !problem.is(ProblemKind::Unauthenticated) {
        return problem;
    }
    let detail = "The present password is wrong.";
    let location = RequestLocation::Pointer(format!("/{PASSWORD}"));
    Problem::new(ProblemKind::Forbidden, detail).with_flaw(Flaw::new(location, detail))
}
