//! One page: Markdown to HTML, with its headings and the texts that the search finds.

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html,
};

use super::console;
use super::{Fallible, escape};

/// A page that is rendered.
pub struct Page {
    pub name: &'static str,
    pub title: String,
    /// The first paragraph, as text.
    pub about: String,
    pub html: String,
    /// Those below the title.
    pub headings: Vec<Heading>,
    /// What stands under the title, and under each heading.
    pub sections: Vec<Section>,
}

pub struct Heading {
    pub level: HeadingLevel,
    pub id: String,
    pub text: String,
}

/// A piece of a page that a search can lead to.
pub struct Section {
    /// None for what stands under the title.
    pub heading: Option<(String, String)>,
    pub text: String,
}

/// Renders the page.
///
/// # Errors
/// It has no title, holds raw HTML, or a block of commands that is none.
pub fn render(name: &'static str, text: &str) -> Fallible<Page> {
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
                    page.about = said(&inner);
                }
                page.note(&said(&inner));
                out.push(Event::Start(Tag::Paragraph));
                out.extend(inner.into_iter().map(linked));
                out.push(Event::End(TagEnd::Paragraph));
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let code = said(&until(&mut events, TagEnd::CodeBlock));
                page.note(&code);
                out.push(Event::Html(CowStr::from(block(&kind, &code)?)));
            }
            Event::Start(Tag::Table(columns)) => {
                // Wider than a phone, it scrolls by itself; to scroll it without a mouse, it has
                // to be reachable.
                let open =
                    "<div class=\"wide\" role=\"region\" aria-label=\"Table\" tabindex=\"0\">";
                out.push(Event::Html(CowStr::from(open)));
                out.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                out.push(Event::End(TagEnd::Table));
                out.push(Event::Html(CowStr::from("</div>\n")));
            }
            // Marks for the tests. Readers do not see them.
            Event::Start(Tag::HtmlBlock) => {
                let html = said(&until(&mut events, TagEnd::HtmlBlock));
                if !html.trim_start().starts_with("<!--") {
                    return Err(format!("raw HTML: {html}").into());
                }
            }
            Event::InlineHtml(html) | Event::Html(html) => {
                return Err(format!("raw HTML: {html}").into());
            }
            other => {
                if let Event::Text(text) | Event::Code(text) = &other {
                    page.note(text);
                }
                out.push(linked(other));
            }
        }
    }
    if page.title.is_empty() {
        return Err("it has no title".into());
    }
    html::push_html(&mut page.html, out.into_iter());
    Ok(page)
}

/// The events before the end of what has begun.
fn until<'a>(events: &mut Parser<'a>, end: TagEnd) -> Vec<Event<'a>> {
    events.take_while(|event| *event != Event::End(end)).collect()
}

/// Pages name each other as files, so that the Markdown can be read as it is.
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

/// The text alone.
fn said(events: &[Event<'_>]) -> String {
    let mut said = String::new();
    for event in events {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) => said.push_str(text),
            Event::SoftBreak | Event::HardBreak => said.push(' '),
            _ => {}
        }
    }
    said
}

impl Page {
    fn heading<'a>(
        &mut self,
        level: HeadingLevel,
        inner: Vec<Event<'a>>,
        out: &mut Vec<Event<'a>>,
    ) {
        let text = said(&inner);
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

    /// Keeps a text for the search.
    fn note(&mut self, text: &str) {
        if let Some(section) = self.sections.last_mut() {
            if !section.text.is_empty() {
                section.text.push(' ');
            }
            section.text.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }

    fn free_id(&self, slug: &str) -> String {
        let taken = |id: &str| self.headings.iter().any(|heading| heading.id == id);
        if !taken(slug) {
            slug.to_owned()
        } else {
            let numbered = (2..).map(|number| format!("{slug}-{number}"));
            numbered.into_iter().find(|id| !taken(id)).unwrap_or_default()
        }
    }
}

/// `Take a project out` is `take-a-project-out`.
fn slug(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { ' ' });
    let words = kept.collect::<String>().to_lowercase();
    words.split_whitespace().collect::<Vec<_>>().join("-")
}

/// A block of code. Commands stand out from what they print, and a file has its name above it.
fn block(kind: &CodeBlockKind<'_>, code: &str) -> Fallible<String> {
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
        // The prompt is no text of the page: it is not copied along.
        let command = escape(&step.command);
        format!("<b>{command}</b>\n{}", escape(&step.output))
    });
    Ok(shown.collect())
}
