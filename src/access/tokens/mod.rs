//! Tokens: credentials of programs, with fewer rights than their users, which expire.
//!
//! ```text
//! token     a token, its scope, and the text that a program sends
//! registry  the tokens of a server: making, checking and revoking them
//! file      the file `tokens` in the data directory
//! ```

mod file;
mod registry;
mod token;

pub use file::TokensError;
pub use registry::{CreatedFile, TOKENS_MAX, TOKENS_OF_USER_MAX, TokenError, TokenRequest, Tokens};
pub use token::{EXPIRES_DAYS_DEFAULT, EXPIRES_DAYS_MAX, Scope, Token, TokenRefusal, token_key};
