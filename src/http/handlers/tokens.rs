//! The handlers of tokens: credentials of programs.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    access::{EXPIRES_DAYS_DEFAULT, EXPIRES_DAYS_MAX, Scope, Token, TokenRequest},
    http::{
        blocking::Lane,
        call::Call,
        json_response,
        options::{EXPIRES_DAYS, FROM, SCOPE, TOKEN_NAME, wrong_field},
        problem::Problem,
        response::Response,
    },
    model::Networks,
};

/// The tokens of the caller, or of all users for an administrator.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct TokenList {
    /// The tokens, the oldest first.
    tokens: Vec<TokenView>,
}

/// A token, without its secret.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Token")]
pub(in crate::http) struct TokenView {
    /// The public part, which names the token.
    key: String,
    /// The name that its maker gave it.
    name: String,
    /// The user as whom it acts.
    user: String,
    /// Its rights, at most.
    #[schemars(with = "String")]
    scope: &'static str,
    /// The networks from which it can be used. Absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The time when it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    created: OffsetDateTime,
    /// The time when it stops to work.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    expires: OffsetDateTime,
    /// The last time when it was used. Absent means never.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    last_used: Option<OffsetDateTime>,
}

/// A new token.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct NewToken<'t> {
    /// The text to send as `Authorization: Bearer`. It is never shown again.
    token: &'t str,
    #[serde(flatten)]
    view: TokenView,
}

impl TokenView {
    fn of(token: Token) -> Self {
        Self {
            key: token.key,
            name: token.name,
            user: token.user,
            scope: token.scope.as_str(),
            from: Some(token.from).filter(|from| !from.is_empty()).map(|from| from.to_string()),
            created: token.created,
            expires: token.expires,
            last_used: token.last_used,
        }
    }
}

/// Handles `GET /rest/tokens`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let principal = call.caller.require_principal()?;
    let user = if principal.is_administrator() { None } else { Some(&*principal.name) };
    let tokens = call.app.tokens.list(user).into_iter().map(TokenView::of).collect();
    json_response::json(StatusCode::OK, &TokenList { tokens })
}

/// Handles `POST /rest/tokens`.
pub(in crate::http) async fn make(call: Call) -> Result<Response, Problem> {
    let options = &call.options;
    let from = match options.text(&FROM) {
        None | Some("") => Networks::default(),
        Some(text) => {
            Networks::parse(text).map_err(|detail| wrong_field(FROM.name, &format!("{detail}.")))?
        }
    };
    let days = options.whole(&EXPIRES_DAYS).unwrap_or(EXPIRES_DAYS_DEFAULT);
    if !(1..=EXPIRES_DAYS_MAX).contains(&days) {
        let detail = format!("A token lives 1 to {EXPIRES_DAYS_MAX} days, but {days} was sent.");
        return Err(wrong_field(EXPIRES_DAYS.name, &detail));
    }
    let request = TokenRequest {
        user: call.caller.require_principal()?.name.clone(),
        name: options.text(&TOKEN_NAME).unwrap_or_default().to_owned(),
        // The word was checked before.
        scope: options.text(&SCOPE).and_then(Scope::parse).unwrap_or(Scope::Read),
        from,
        days,
        secrecy: call.caller.secrecy(),
    };
    let tokens = call.app.tokens.clone();
    let make = move || tokens.make(request, OffsetDateTime::now_utc());
    let (token, text) = call.app.blocking.run(Lane::Change, make).await??;
    tracing::info!(
        user = token.user,
        token = token.name,
        key = token.key,
        scope = token.scope.as_str(),
        "A token was made."
    );
    let response = NewToken { token: &text, view: TokenView::of(token) };
    json_response::json(StatusCode::CREATED, &response)
}

/// Handles `DELETE /rest/tokens/{key}`. Administrators can revoke the tokens of all users, by their keys.
pub(in crate::http) async fn revoke(call: Call) -> Result<Response, Problem> {
    let key = call.parameters.get("key")?.to_owned();
    let principal = call.caller.require_principal()?.clone();
    let tokens = call.app.tokens.clone();
    let revoke = move || match tokens.revoke(Some(&principal.name), &key) {
        Err(crate::access::TokenError::NotFound(_)) if principal.is_administrator() => {
            tokens.revoke(None, &key)
        }
        result => result,
    };
    let token = call.app.blocking.run(Lane::Change, revoke).await??;
    tracing::info!(user = token.user, token = token.name, key = token.key, "A token was revoked.");
    json_response::json(StatusCode::OK, &TokenView::of(token))
}
