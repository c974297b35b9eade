//! The page on which the first administrator sets a password.

use std::sync::Arc;

use hyper::StatusCode;

use super::docs;
use crate::{
    access::{FIRST_USER_NAME, PASSWORD_CHARACTERS_MIN, SetupError},
    http::{
        accept,
        app::App,
        blocking::Lane,
        call::Call,
        options::{NEW_PASSWORD, NEW_PASSWORD_AGAIN, SETUP_CODE},
        paths,
        problem::{Problem, ProblemKind},
        response::Response,
    },
};

const ALREADY_SET_UP: &str = "This server is set up already. A user can change his password with \
                              satchel passwd.";

const PASSWORDS_DIFFER: &str = "The two passwords differ.";

/// Handles `GET /setup`: shows the form, with the code of the link.
pub(in crate::http) async fn form(call: Call) -> Result<Response, Problem> {
    if call.app.setup.as_ref().and_then(|setup| setup.code()).is_none() {
        return docs::setup_page(StatusCode::NOT_FOUND, &paragraph(ALREADY_SET_UP));
    }
    let code = call.query.one(SETUP_CODE.name)?.unwrap_or_default();
    docs::setup_page(StatusCode::OK, &form_html(code, None))
}

/// Handles `POST /setup`: sets the password. A browser gets the form again if the password is refused.
pub(in crate::http) async fn submit(call: Call) -> Result<Response, Problem> {
    let text = |option| call.options.text(option).unwrap_or_default().to_owned();
    let (code, password) = (text(&SETUP_CODE), text(&NEW_PASSWORD));
    let refused = if text(&NEW_PASSWORD_AGAIN) == password {
        finish(&call.app, &code, password).await?
    } else {
        Some(Problem::new(ProblemKind::ChangeRejected, PASSWORDS_DIFFER))
    };
    match refused {
        None => {
            tracing::info!("The password of “{FIRST_USER_NAME}” was set by the set-up link.");
            let done = format!(
                "<p>The password of <strong>{FIRST_USER_NAME}</strong> is set. Use it with the \
                 <a href=\"{}\">REST calls</a> and the command line.</p>\n",
                paths::FRONT_PAGE.pattern()
            );
            docs::setup_page(StatusCode::OK, &done)
        }
        Some(problem) if accept::wants_page(&call.headers) => {
            docs::setup_page(problem.status(), &form_html(&code, Some(problem.detail())))
        }
        Some(problem) => Err(problem),
    }
}

/// Sets the password. Returns the reason why it is refused, if it is.
///
/// # Errors
/// 503 if too many password checks wait.
async fn finish(app: &Arc<App>, code: &str, password: String) -> Result<Option<Problem>, Problem> {
    let Some(setup) = &app.setup else {
        return Ok(Some(Problem::new(ProblemKind::Forbidden, ALREADY_SET_UP)));
    };
    let _turn = app.setup_turn.lock().await;
    // A wrong code takes no place in the queue of password checks.
    if !setup.is_code(code) {
        return Ok(Some(SetupError::WrongCode.into()));
    }
    let (finisher, code) = (app.clone(), code.to_owned());
    let finish = move || finisher.setup.as_ref().map(|setup| setup.finish(&code, &password));
    let finished = app.blocking.run(Lane::Password, finish).await?;
    Ok(finished.and_then(Result::err).map(Problem::from))
}

fn paragraph(text: &str) -> String {
    format!("<p role=\"status\">{}</p>\n", docs::escape(text))
}

/// The form, with the reason why the last attempt was refused.
fn form_html(code: &str, refused: Option<&str>) -> String {
    let refused = refused.map(paragraph).unwrap_or_default();
    let code = docs::escape(code);
    format!(
        "<p>Nobody can log in yet. Choose the password of <strong>{FIRST_USER_NAME}</strong>, the first \
         administrator: at least {PASSWORD_CHARACTERS_MIN} characters, and none of the common \
         passwords.</p>\n{refused}<form class=\"setup\" method=\"post\" action=\"{path}\">\n\
         <p><label for=\"code\">Code of the set-up link</label><br>\n<input id=\"code\" name=\"code\" \
         value=\"{code}\" required autocomplete=\"off\" size=\"34\"></p>\n\
         <p><label for=\"password\">New password</label><br>\n<input id=\"password\" name=\"password\" \
         type=\"password\" required autocomplete=\"new-password\" size=\"34\"></p>\n\
         <p><label for=\"again\">New password once more</label><br>\n<input id=\"again\" \
         name=\"again\" type=\"password\" required autocomplete=\"new-password\" size=\"34\"></p>\n\
         <p><button>Set the password</button></p>\n</form>\n",
        path = paths::SETUP.pattern(),
    )
}
