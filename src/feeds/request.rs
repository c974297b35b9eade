//! Parses the parameters of a request.

use super::{
    error::FeedError,
    feed::{Feed, FeedRequest, SingleHost, VarNames},
    option::FeedOption,
    parameters::{Form, NameRule, Settings, Subnet, Var, Wanted},
    slug::LABEL_BYTES_MAX,
};
use crate::model::indicates_secret;

/// Other names of relations in filters.
const FILTER_ALIASES: [(&str, &str); 2] = [("pool", "pools"), ("network", "networks")];

impl FeedRequest {
    /// Parses the parameters of a request. A parameter that is no option of the feed is a filter.
    ///
    /// # Errors
    /// [`FeedError::WrongOption`], [`FeedError::RepeatedOption`] and [`FeedError::MissingOption`] for
    /// options; [`FeedError::SecretProperty`] for a property whose name indicates a secret.
    pub fn parse(
        feed: &'static Feed,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, FeedError> {
        let (options, filters): (Vec<_>, Vec<_>) =
            parameters.into_iter().partition(|(name, _)| feed.option(name).is_some());
        let options = Options { feed, sent: options };
        let filters = filters.into_iter().map(|(name, value)| {
            let alias = FILTER_ALIASES.iter().find(|(alias, _)| *alias == name);
            (alias.map_or(name, |(_, property)| (*property).to_owned()), value)
        });
        let filters: Vec<_> = filters.collect();
        for (name, _) in &filters {
            refuse_secret(name, name)?;
        }
        let request = Self {
            feed,
            rule: options.rule()?,
            vars: options.vars()?,
            groups: options.groups()?,
            settings: options.settings()?,
            filters,
            wanted: Wanted::Feed,
            form: options.form()?,
        };
        match feed.required.iter().find(|option| options.one(**option).ok().flatten().is_none()) {
            Some(option) => Err(FeedError::MissingOption { feed: feed.name, option: *option }),
            None => Ok(request),
        }
    }

    /// Returns the request for the entry of one host.
    ///
    /// # Errors
    /// [`FeedError::NoSingleHost`] if the feed has no such entry.
    pub fn of_host(self, host: String) -> Result<Self, FeedError> {
        if self.feed.single == SingleHost::Absent {
            return Err(FeedError::NoSingleHost { feed: self.feed.name });
        }
        Ok(Self { wanted: Wanted::Host(host), ..self })
    }

    /// Tells whether the feed or its report is wanted.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The media type of the feed.
    pub fn media_type(&self) -> &'static str {
        self.feed.media_type
    }

    /// The parameter of the request that names a property.
    pub fn parameter_of(&self, property: &str) -> String {
        let columns = [FeedOption::Vars, FeedOption::Columns];
        let columns = columns.into_iter().find(|option| self.feed.has(*option));
        match columns {
            Some(option) if self.vars.iter().any(|var| var.property == property) => {
                option.name().to_owned()
            }
            _ if self.groups.iter().any(|group| group == property) => {
                FeedOption::Groups.name().to_owned()
            }
            _ => property.to_owned(),
        }
    }
}

fn refuse_secret(property: &str, parameter: &str) -> Result<(), FeedError> {
    if indicates_secret(property) {
        let (property, parameter) = (property.to_owned(), parameter.to_owned());
        return Err(FeedError::SecretProperty { property, parameter });
    }
    Ok(())
}

/// The options of a request, as texts.
struct Options {
    feed: &'static Feed,
    sent: Vec<(String, String)>,
}

impl Options {
    fn all(&self, option: FeedOption) -> impl Iterator<Item = &str> {
        let sent = self.sent.iter().filter(move |(name, _)| name == option.name());
        sent.map(|(_, value)| value.as_str())
    }

    /// The value of an option that occurs once.
    fn one(&self, option: FeedOption) -> Result<Option<&str>, FeedError> {
        let mut all = self.all(option);
        let first = all.next();
        match all.next() {
            None => Ok(first),
            Some(_) => Err(FeedError::RepeatedOption { feed: self.feed.name, option }),
        }
    }

    /// The items of an option that is a list; `None` if it is not sent.
    fn list(&self, option: FeedOption) -> Option<Vec<&str>> {
        let mut sent = self.all(option).peekable();
        sent.peek()?;
        let items = sent.flat_map(|list| list.split(',')).map(str::trim);
        Some(items.filter(|item| !item.is_empty()).collect())
    }

    fn wrong(&self, option: FeedOption, value: &str, expected: impl Into<String>) -> FeedError {
        let feed = self.feed.name;
        FeedError::WrongOption { feed, option, value: value.to_owned(), expected: expected.into() }
    }

    /// The value of an option that `parse` accepts.
    fn parsed<T>(
        &self,
        option: FeedOption,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, FeedError> {
        let Some(text) = self.one(option)? else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| self.wrong(option, text, expected))
    }

    fn rule(&self) -> Result<NameRule, FeedError> {
        let rules = self.feed.rules;
        let words: Vec<_> = rules.iter().map(|rule| rule.as_str()).collect();
        let expected = format!("expected one of: {}", words.join(", "));
        let find = |word: &str| rules.iter().copied().find(|rule| rule.as_str() == word);
        let rule = self.parsed(FeedOption::Host, &expected, find)?;
        Ok(rule.or(rules.first().copied()).unwrap_or(NameRule::Slug))
    }

    fn form(&self) -> Result<Form, FeedError> {
        let form =
            self.parsed(FeedOption::Report, "expected true or false", |word| match word {
                "true" | "" => Some(Form::Report),
                "false" => Some(Form::Feed),
                _ => None,
            })?;
        Ok(form.unwrap_or(Form::Feed))
    }

    fn groups(&self) -> Result<Vec<String>, FeedError> {
        let listed = self.list(FeedOption::Groups);
        let listed = listed.unwrap_or_else(|| self.feed.groups.to_vec());
        let mut groups: Vec<String> = Vec::new();
        for property in listed {
            refuse_secret(property, FeedOption::Groups.name())?;
            if !groups.iter().any(|known| known == property) {
                groups.push(property.to_owned());
            }
        }
        Ok(groups)
    }

    fn vars(&self) -> Result<Vec<Var>, FeedError> {
        let options = [FeedOption::Columns, FeedOption::Vars];
        let option = options.into_iter().find(|option| self.feed.has(*option));
        let Some(option) = option else { return Ok(Vec::new()) };
        let names = self.names()?;
        let listed = self.list(option).unwrap_or_else(|| self.feed.vars.to_vec());
        let mut vars: Vec<Var> = Vec::new();
        for property in listed {
            refuse_secret(property, option.name())?;
            let renamed = names.iter().find(|(known, _)| *known == property);
            let shown = match renamed {
                Some((_, name)) => (*name).to_owned(),
                None => self.feed.var_names.name(property),
            };
            if vars.iter().any(|var| var.property == property) {
                continue;
            }
            if vars.iter().any(|var| var.shown == shown) {
                let expected =
                    format!("two properties would have the name '{shown}'; rename one with as");
                return Err(self.wrong(option, property, expected));
            }
            vars.push(Var { property: property.to_owned(), shown });
        }
        match names.iter().find(|(name, _)| !vars.iter().any(|var| var.property == *name)) {
            Some((name, _)) => {
                let expected = format!("expected a property that {} lists", option.name());
                Err(self.wrong(FeedOption::As, name, expected))
            }
            None => Ok(vars),
        }
    }

    /// The other names of properties.
    fn names(&self) -> Result<Vec<(&str, &str)>, FeedError> {
        let mut names = Vec::new();
        for pair in self.list(FeedOption::As).unwrap_or_default() {
            let expected = "expected property:name";
            let (property, name) =
                pair.rsplit_once(':').ok_or_else(|| self.wrong(FeedOption::As, pair, expected))?;
            if self.feed.var_names == VarNames::Identifiers && !is_identifier(name) {
                let expected = "the name must have letters (a-z, A-Z), digits and _ only, and must not \
                                begin with a digit";
                return Err(self.wrong(FeedOption::As, pair, expected));
            }
            if name.is_empty() {
                return Err(self.wrong(FeedOption::As, pair, expected));
            }
            names.push((property, name));
        }
        Ok(names)
    }

    fn settings(&self) -> Result<Settings, FeedError> {
        let text = |option| -> Result<Option<String>, FeedError> {
            Ok(self.one(option)?.map(str::to_owned))
        };
        let port = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|port| is_number && *port > 0)
        };
        let files = self.feed.files;
        let file = format!("expected one of: {}", files.join(", "));
        let mac = text(FeedOption::Mac)?;
        if let Some(property) = &mac {
            refuse_secret(property, FeedOption::Mac.name())?;
        }
        let domain = "expected a domain name, such as net.example";
        let subnet = "expected a subnet of IPv4, such as 10.0.0.0/24";
        Ok(Settings {
            target_port: self.parsed(
                FeedOption::TargetPort,
                "expected a port from 1 to 65535",
                port,
            )?,
            zone: self.parsed(FeedOption::Zone, domain, parse_domain)?,
            name_server: self.parsed(FeedOption::NameServer, domain, parse_domain)?,
            mac,
            subnet: self.parsed(FeedOption::Subnet, subnet, Subnet::parse)?,
            file: self.parsed(FeedOption::File, &file, |word| {
                files.iter().copied().find(|file| *file == word)
            })?,
            node_kind: text(FeedOption::NodeKind)?,
            image: text(FeedOption::Image)?,
            template: text(FeedOption::Template)?,
        })
    }
}

/// Parses a domain name (RFC 1123, section 2.1), without its final dot and in lower case.
fn parse_domain(text: &str) -> Option<String> {
    const DOMAIN_BYTES_MAX: usize = 253;
    let domain = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(valid)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (domain.len() <= DOMAIN_BYTES_MAX && domain.split('.').all(is_label)).then_some(domain)
}

fn is_identifier(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(valid) && !name.as_bytes()[0].is_ascii_digit()
}
