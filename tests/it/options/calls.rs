//! Every call that changes data, its options, and the places of a request that can contain them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use satchel::http::{BodyRule, CallOption, Route, ValueType, route_table};
use serde_json::{Map, Value, json};

use crate::forms::{BOUNDARY, Form};
use crate::harness::{ADMIN, Answer, Server};
use crate::project::{documents, put_folder};

/// The places of a request that can contain an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Query,
    Json,
    /// `curl -d name=value`
    Form,
    /// A field of a form that can hold files.
    Multipart,
    /// A part of such a form that holds a JSON object.
    JsonPart,
}

/// The configuration that the calls change.
const TEXT: &str = "/rest/configuration/Lisbon%20core%201";

/// Options with their values, in their order. An option can occur twice.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// The routes that change data.
pub(super) fn changing() -> Vec<&'static Route> {
    let table = route_table();
    let routes = table.iter();
    routes.filter(|route| route.method != "GET" && route.pattern != "/rest/search").collect()
}

/// The places of a route's options.
pub(super) fn places(route: &Route) -> &'static [Place] {
    match route.body {
        BodyRule::Nothing => &[],
        BodyRule::Options | BodyRule::OptionsOrFile { .. } => {
            &[Place::Query, Place::Json, Place::Form, Place::Multipart, Place::JsonPart]
        }
        BodyRule::File { .. } => &[Place::Query, Place::Multipart, Place::JsonPart],
        BodyRule::AtMost { .. } => &[Place::Query],
    }
}

/// The member of an error for this place.
pub(super) fn member(place: Place) -> &'static str {
    match place {
        Place::Query => "query_parameter",
        Place::Json | Place::JsonPart => "pointer",
        Place::Form | Place::Multipart => "form_field",
    }
}

/// Two different values, in the form of a query or form.
pub(super) fn values(option: &CallOption) -> [&'static str; 2] {
    match option.value {
        ValueType::Switch => ["true", "false"],
        ValueType::Word(words) => [words[0], words[1]],
        ValueType::Kinds => ["device", "link,device"],
        ValueType::ProjectName => ["p", "q"],
        ValueType::WorkbookName => ["w.xls", "v.xls"],
        ValueType::BackupName => ["b 1", "b 2"],
        ValueType::Text => ["configuration", "operational_data"],
        ValueType::RowNumber | ValueType::Whole => ["1", "2"],
        ValueType::Mapping => ["Gerät=name", "R 1%=x"],
        ValueType::Headings => ["Notiz", "Notiz,R 1%"],
        ValueType::Kind | ValueType::Texts => {
            panic!("say two values of {}", option.name)
        }
    }
}

/// An invalid value of the option. `None` if every value is valid.
pub(super) fn wrong(option: &CallOption) -> Option<&'static str> {
    match option.value {
        ValueType::Text | ValueType::Headings => None,
        _ => Some("../perhaps"),
    }
}

/// A server with records that every call can change.
pub(super) fn server() -> Server {
    let server = Server::start_with(&["--demo"]);
    for name in ["p", "q"] {
        put_folder(&server, name, &documents(&[("device", "- {name: R 1%}\n")]));
    }
    for name in ["w.xls", "v.xls"] {
        let request = server.request("POST", "/rest/topology/export").login(ADMIN);
        assert_eq!(request.json(&json!({"name": name})).send().status, 200);
    }
    let backup = server.request("POST", "/rest/backup").login(ADMIN);
    assert_eq!(backup.json(&json!({"name": "b"})).send().status, 200);
    assert_eq!(server.request("PUT", TEXT).login(ADMIN).body("before").send().status, 200);
    server
}

/// The path of a route to an existing resource.
fn path(route: &Route) -> String {
    let path = route.pattern.replace("{kind}", "device").replace("{device}", "Lisbon%20core%201");
    let name = match route.pattern {
        "/rest/migrate/projects/{name}" => "p",
        "/rest/topology/workbooks/{name}" => "w.xls",
        "/rest/backups/{name}" | "/rest/backups/{name}/verify" => "b",
        _ => "Lisbon%20core%201",
    };
    path.replace("{name}", name).replace("{id}", "nothing")
}

/// A request with options in one place, and more options in another.
pub(super) struct Call<'s> {
    pub server: &'s Server,
    pub route: &'static Route,
    query: String,
    json: String,
    form: String,
    multipart: Form,
    used: Vec<Place>,
    body: Vec<u8>,
}

impl<'s> Call<'s> {
    pub(super) fn new(server: &'s Server, route: &'static Route) -> Self {
        let (query, json, form) = (String::new(), String::new(), String::new());
        let body = match route.description.operation {
            "put_instances" => json!({"name": "new"}).to_string().into_bytes(),
            "delete_instances" => {
                json!({"type": "device", "names": ["no such device"]}).to_string().into_bytes()
            }
            "import_topology" => b"name,port\nnew,22\n".to_vec(),
            _ => b"a text".to_vec(),
        };
        let (multipart, used) = (Form::default(), Vec::new());
        Self { server, route, query, json, form, multipart, used, body }
    }

    /// The content of the body, or of the file of the form, beside the options.
    pub(super) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Adds options unchanged.
    pub(super) fn with(mut self, place: Place, options: Pairs<'_>) -> Self {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let encoded =
            options.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let encoded = encoded.collect::<Vec<_>>().join("&");
        let members = options.iter().map(|(name, value)| {
            let value = match *value {
                "true" => json!(true),
                "false" => json!(false),
                value if ["import_export_types", "types"].contains(name) => {
                    value.split(',').collect()
                }
                value => json!(value),
            };
            format!("{}: {value}", json!(name))
        });
        let members = format!("{{{}}}", members.collect::<Vec<_>>().join(", "));
        match place {
            Place::Query => self.query += &format!("&{encoded}"),
            Place::Json => self.json = members,
            Place::Form => self.form = encoded,
            Place::Multipart => {
                for (name, value) in options {
                    self.multipart = self.multipart.field(name, value);
                }
            }
            Place::JsonPart => self.multipart = self.multipart.field("json", &members),
        }
        self.used.push(place);
        self
    }

    pub(super) fn send(self) -> Answer {
        let target = format!("{}?{}", path(self.route), self.query.trim_start_matches('&'));
        let request = self.server.request(self.route.method.as_str(), &target).login(ADMIN);
        let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
        let is = |place| self.used.contains(&place);
        let request = match self.route.body {
            BodyRule::Nothing => request,
            BodyRule::AtMost { .. } => request.body(self.body),
            BodyRule::File { .. } => request
                .header("Content-Type", &multipart)
                .body(self.multipart.file("a.csv", &self.body).bytes()),
            BodyRule::Options | BodyRule::OptionsOrFile { .. } if is(Place::Json) => {
                request.header("Content-Type", "application/json").body(self.json)
            }
            BodyRule::Options | BodyRule::OptionsOrFile { .. } if is(Place::Form) => {
                request.header("Content-Type", "application/x-www-form-urlencoded").body(self.form)
            }
            BodyRule::Options | BodyRule::OptionsOrFile { .. }
                if is(Place::Multipart) || is(Place::JsonPart) =>
            {
                request.header("Content-Type", &multipart).body(self.multipart.bytes())
            }
            BodyRule::Options | BodyRule::OptionsOrFile { .. } => request,
        };
        request.send()
    }
}

/// All data that a call could have changed, without the values that differ in each export.
pub(super) fn state(server: &Server) -> Value {
    let mut all = Map::new();
    for path in
        ["/rest/state", "/rest/migrate/projects", "/rest/topology/workbooks", "/rest/backups"]
    {
        all.insert(path.to_owned(), server.request("GET", path).login(ADMIN).send().json());
    }
    let text = server.request("GET", TEXT).login(ADMIN).send().body;
    all.insert("text".to_owned(), String::from_utf8(text).unwrap().into());
    all.into()
}
