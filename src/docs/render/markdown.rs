//! Converts a page from Markdown to HTML, and collects its headings and its text for the search.

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html,
};

use super::console;
use super::{Fallible, escape};

/// A rendered page.
pub(super) struct Page {
    pub(super) name: &'static str,
    pub(super) title: String,
    /// The first paragraph, as text.
    pub(super) about: String,
    pub(super) html: String,
    /// The headings below the title.
    pub(super) headings: Vec<Heading>,
    /// The sections: the one under the title, then one for each heading.
    pub(super) sections: Vec<Section>,
}

pub(super) struct Heading {
    pub(super) level: HeadingLevel,
    pub(super) id: String,
    pub(super) text: String,
}

/// A section of a page: a target of the search.
pub(super) struct Section {
    /// The anchor and the text of the heading; `None` for the section under the title.
    pub(super) heading: Option<(String, String)>,
    pub(super) text: String,
}

/// Converts a page to HTML.
///
/// # Errors
/// If the page has no title, contains raw HTML, or has a console block without a command.
pub(super) fn render(name: &'static str, text: &str) -> Fallible<Page> {
    let mut events = Parser::new_ext(text, Options::ENABLE_TABLES);
    let mut page = Page {
        name,
        title: String::new(),
        about: String::new(),
        html: String::new(),
        headings: Vec::new(),
        sections: vec![Section { heading: None, text: String::new() }],
    };
    let mut out = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let inner = until(&mut events, TagEnd::Heading(level));
                page.heading(level, inner, &mut out);
            }
            Event::Start(Tag::Paragraph) => {
                let inner = until(&mut events, TagEnd::Paragraph);
                if page.about.is_empty() {
                    page.about = plain_text(&inner);
                }
                page.add_text(&plain_text(&inner));
                out.push(Event::Start(Tag::Paragraph));
                out.extend(inner.into_iter().map(linked));
                out.push(Event::End(TagEnd::Paragraph));
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let code = plain_text(&until(&mut events, TagEnd::CodeBlock));
                page.add_text(&code);
                out.push(Event::Html(CowStr::from(code_block(&kind, &code)?)));
            }
            Event::Start(Tag::Table(columns)) => {
                // A table can be wider than the screen of a phone. Then only the table scrolls, and
                // `tabindex` makes this possible without a mouse.
                let open =
                    "<div class=\"wide\" role=\"region\" aria-label=\"Table\" tabindex=\"0\">";
                out.push(Event::Html(CowStr::from(open)));
                out.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                out.push(Event::End(TagEnd::Table));
                out.push(Event::Html(CowStr::from("</div>\n")));
            }
            // Comments are marks for the tests and are left out.
            Event::Start(Tag::HtmlBlock) => {
                let html = plain_text(&until(&mut events, TagEnd::HtmlBlock));
                if !html.trim_start().starts_with("<!--") {
                    return Err(format!("raw HTML: {html}").into());
                }
            }
            Event::InlineHtml(html) | Event::Html(html) => {
                return Err(format!("raw HTML: {html}").into());
            }
            other => {
                if let Event::Text(text) | Event::Code(text) = &other {
                    page.add_text(text);
                }
                out.push(linked(other));
            }
        }
    }
    if page.title.is_empty() {
        return Err("the page has no title".into());
    }
    html::push_html(&mut page.html, out.into_iter());
    Ok(page)
}

/// Returns the events before `end`.
fn until<'a>(events: &mut Parser<'a>, end: TagEnd) -> Vec<Event<'a>> {
    events.take_while(|event| *event != Event::End(end)).collect()
}

/// Changes links to Markdown files into links to HTML files.
fn linked(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = match dest_url.split_once(".md") {
                Some((page, rest)) if !page.contains(':') => format!("{page}.html{rest}").into(),
                _ => dest_url,
            };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        other => other,
    }
}

/// Returns the plain text of events.
fn plain_text(events: &[Event<'_>]) -> String {
    let mut text_only = String::new();
    for event in events {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) => text_only.push_str(text),
            Event::SoftBreak | Event::HardBreak => text_only.push(' '),
            _ => {}
        }
    }
    text_only
}

impl Page {
    fn heading<'a>(
        &mut self,
        level: HeadingLevel,
        inner: Vec<Event<'a>>,
        out: &mut Vec<Event<'a>>,
    ) {
        let text = plain_text(&inner);
        if level == HeadingLevel::H1 {
            self.title.clone_from(&text);
            let open = format!("<h1>{}</h1>\n", escape(&text));
            out.push(Event::Html(CowStr::from(open)));
            return;
        }
        let id = self.free_id(&slug(&text));
        out.push(Event::Html(CowStr::from(format!("<{level} id=\"{id}\">"))));
        out.extend(inner);
        let label = escape(&text);
        out.push(Event::Html(CowStr::from(format!(
            " <a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to “{label}”\">#</a></{level}>\n"
        ))));
        self.sections
            .push(Section { heading: Some((id.clone(), text.clone())), text: String::new() });
        self.headings.push(Heading { level, id, text });
    }

    /// Adds a text to the current section, for the search.
    fn add_text(&mut self, text: &str) {
        if let Some(section) = self.sections.last_mut() {
            if !section.text.is_empty() {
                section.text.push(' ');
            }
            section.text.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }

    fn free_id(&self, slug: &str) -> String {
        let taken = |id: &str| self.headings.iter().any(|heading| heading.id == id);
        if taken(slug) {
            let numbered = (2..).map(|number| format!("{slug}-{number}"));
            numbered.into_iter().find(|id| !taken(id)).unwrap_or_default()
        } else {
            slug.to_owned()
        }
    }
}

/// Makes an anchor of a heading: `Take a project out` becomes `take-a-project-out`.
fn slug(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { ' ' });
    let words = kept.collect::<String>().to_lowercase();
    words.split_whitespace().collect::<Vec<_>>().join("-")
}

/// Renders a code block. Commands are bold, and a block with a file name gets a caption.
fn code_block(kind: &CodeBlockKind<'_>, code: &str) -> Fallible<String> {
    let info = match kind {
        CodeBlockKind::Fenced(info) => info.to_string(),
        CodeBlockKind::Indented => String::new(),
    };
    let (language, file) = info.split_once(' ').unwrap_or((&info, ""));
    let (label, body) = match language {
        "console" => ("Commands and what they print", commands(code)?),
        _ => ("Code", escape(code)),
    };
    let pre = format!(
        "<pre class=\"{language}\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\"><code>{body}</code></pre>"
    );
    Ok(match file {
        "" => pre + "\n",
        file => {
            let file = escape(file);
            format!("<figure><figcaption>{file}</figcaption>\n{pre}</figure>\n")
        }
    })
}

fn commands(code: &str) -> Fallible<String> {
    let steps = console::steps(code)?;
    let shown = steps.iter().map(|step| {
        // The style sheet adds the prompt, so that it is not copied with the command.
        let command = escape(&step.command);
        format!("<b>{command}</b>\n{}", escape(&step.output))
    });
    Ok(shown.collect())
}
