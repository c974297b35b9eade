//! The request context that a handler gets.

use std::sync::Arc;

use hyper::{Method, header::HeaderMap};

use super::{
    app::App, caller::Caller, description::CallOption, download::FileRequest, options::Options,
    parameters::Parameters, query_string::Query, request_body::RequestBody, request_id::RequestId,
};

/// A request whose route is found and whose caller is authenticated and authorised.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) id: RequestId,
    pub(super) caller: Caller,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) parameters: Parameters,
    /// The query of a GET call, and of a call whose handler also reads options from a form.
    pub(super) query: Query,
    /// The checked options of every other call.
    pub(super) options: Options,
    /// The definitions of the options that the route has.
    pub(super) known_options: &'static [CallOption],
    pub(super) body: RequestBody,
}

impl Call {
    /// Returns the parts of the request that a download needs.
    pub(super) fn file_request(&self) -> FileRequest<'_> {
        FileRequest { method: &self.method, headers: &self.headers, blocking: &self.app.blocking }
    }
}
