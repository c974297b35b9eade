//! The HTML around a page: head, search field, list of pages, links to the previous and next page.

use pulldown_cmark::HeadingLevel;

use super::escape;
use super::markdown::Page;
use super::pages::CHAPTERS;

/// The names of the files that pages load. Each name contains a hash of the file's content.
pub(super) struct Assets {
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
    pub(super) index: String,
}

/// The mark that `src/http` replaces with content at run time: search results, the list of routes.
const SLOT: &str = "<!-- here -->";

const TAGLINE: &str = "A network inventory in one file.";

/// The parts of an HTML page.
struct Frame<'a> {
    /// The prefix of every link: empty, or `/docs/` for pages outside of that folder.
    root: &'a str,
    title: &'a str,
    about: &'a str,
    /// The name of the current page, if it is in the list of pages.
    here: Option<&'a str>,
    /// The content of `main`.
    main: String,
    /// The table of contents beside it, or nothing.
    beside: String,
}

impl Frame<'_> {
    fn render(&self, pages: &[Page], assets: &Assets) -> String {
        let root = self.root;
        let title = escape(self.title);
        let about = escape(self.about);
        let Assets { style, script, icon, index } = assets;
        let list = self.list(pages);
        let Frame { main, beside, .. } = self;
        format!(
            "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<meta name=\"description\" content=\"{about}\">
<title>{title}</title>
<link rel=\"icon\" type=\"image/svg+xml\" href=\"{root}{icon}\">
<link rel=\"stylesheet\" href=\"{root}{style}\">
<script src=\"{root}{script}\" data-index=\"{root}{index}\" data-root=\"{root}\" defer></script>
</head>
<body>
<a class=\"skip\" href=\"#content\">Skip to the page</a>
<header class=\"top\">
<a class=\"brand\" href=\"{root}index.html\"><img src=\"{root}{icon}\" alt=\"\" width=\"28\" height=\"28\">Satchel</a>
<a class=\"to-pages\" href=\"#pages\">Pages</a>
<form class=\"search\" role=\"search\" action=\"{root}search.html\" method=\"get\">
<label class=\"unseen\" for=\"q\">Search these pages</label>
<input id=\"q\" name=\"q\" type=\"search\" placeholder=\"Search\" autocomplete=\"off\" maxlength=\"200\">
<div id=\"hits\" hidden></div>
</form>
</header>
<div class=\"sheet\">
<main id=\"content\" tabindex=\"-1\">
{main}</main>
{beside}<nav id=\"pages\" class=\"pages\" aria-label=\"Pages\">
{list}</nav>
</div>
</body>
</html>
"
        )
    }

    fn list(&self, pages: &[Page]) -> String {
        let mut list = String::new();
        for chapter in &CHAPTERS {
            list += &format!("<h2>{}</h2>\n<ul>\n", escape(chapter.title));
            for page in pages.iter().filter(|page| chapter.pages.contains(&page.name)) {
                let here = if self.here == Some(page.name) { " aria-current=\"page\"" } else { "" };
                let (root, name, title) = (self.root, page.name, escape(&page.title));
                list += &format!("<li><a href=\"{root}{name}.html\"{here}>{title}</a></li>\n");
            }
            list += "</ul>\n";
        }
        list
    }
}

/// Renders a page of the list, with links to the previous and the next one.
pub(super) fn page(
    page: &Page,
    previous: Option<&Page>,
    next: Option<&Page>,
    pages: &[Page],
    assets: &Assets,
) -> String {
    let step = |page: Option<&Page>, rel: &str, word: &str| match page {
        Some(page) => format!(
            "<a rel=\"{rel}\" href=\"{}.html\"><small>{word}</small> {}</a>\n",
            page.name,
            escape(&page.title)
        ),
        None => String::new(),
    };
    let steps = step(previous, "prev", "Previous") + &step(next, "next", "Next");
    let frame = Frame {
        root: "",
        title: &format!("{} · Satchel", page.title),
        about: &page.about,
        here: Some(page.name),
        main: format!(
            "<article>\n{}</article>\n<nav class=\"steps\" aria-label=\"Previous and next page\">\n{steps}</nav>\n",
            page.html
        ),
        beside: contents(page),
    };
    frame.render(pages, assets)
}

/// Renders the table of contents of a page, two levels deep.
fn contents(page: &Page) -> String {
    if page.headings.len() < 2 {
        return String::new();
    }
    let mut items = String::new();
    for heading in &page.headings {
        let level = match heading.level {
            HeadingLevel::H1 | HeadingLevel::H2 => "",
            HeadingLevel::H3 => " class=\"deeper\"",
            HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => continue,
        };
        let text = escape(&heading.text);
        items += &format!("<li{level}><a href=\"#{}\">{text}</a></li>\n", heading.id);
    }
    format!(
        "<nav class=\"contents\" aria-label=\"On this page\">\n<h2>On this page</h2>\n<ul>\n{items}</ul>\n</nav>\n"
    )
}

/// Renders the start page of the documentation: all pages with their first paragraphs.
pub(super) fn front(pages: &[Page], assets: &Assets) -> String {
    let mut main = format!(
        "<article class=\"front\">\n<h1>Satchel</h1>\n<p class=\"lead\">{TAGLINE} These pages are part \
         of the executable. They need no internet access, and describe exactly this version.</p>\n"
    );
    for chapter in &CHAPTERS {
        main += &format!("<h2>{}</h2>\n<ul class=\"cards\">\n", escape(chapter.title));
        for page in pages.iter().filter(|page| chapter.pages.contains(&page.name)) {
            main += &format!(
                "<li><a href=\"{}.html\">{}</a><p>{}</p></li>\n",
                page.name,
                escape(&page.title),
                escape(&page.about)
            );
        }
        main += "</ul>\n";
    }
    main += "</article>\n";
    Frame { root: "", title: "Satchel", about: TAGLINE, here: None, main, beside: String::new() }
        .render(pages, assets)
}

/// Renders the page for search results. The server inserts the results; without a server, the script
/// does.
pub(super) fn results(pages: &[Page], assets: &Assets) -> String {
    let main = format!(
        "<article>\n<h1>Search</h1>\n<div id=\"results\">{SLOT}</div>\n<noscript><p>Without a \
         server, the search needs JavaScript. <code>satchel docs --search WORD</code> does not.</p></noscript>\n\
         </article>\n"
    );
    let about = "Search results in these pages.";
    let title = "Search · Satchel";
    Frame { root: "", title, about, here: None, main, beside: String::new() }.render(pages, assets)
}

/// Renders the page for unknown addresses.
pub(super) fn lost(pages: &[Page], assets: &Assets) -> String {
    let main = "<article>\n<h1>There is no such page</h1>\n<p>It might have another name in this version. \
                Use the list of pages or the search, or go to the \
                <a href=\"/docs/\">start page</a>.</p>\n</article>\n";
    Frame {
        root: "/docs/",
        title: "No such page · Satchel",
        about: "This page does not exist.",
        here: None,
        main: main.to_owned(),
        beside: String::new(),
    }
    .render(pages, assets)
}

/// Renders the page on which the first administrator sets a password, with a mark for its form.
pub(super) fn setup(pages: &[Page], assets: &Assets) -> String {
    Frame {
        root: "/docs/",
        title: "Set up · Satchel",
        about: "Sets the password of the first administrator.",
        here: None,
        main: format!("<article>\n<h1>Set up Satchel</h1>\n{SLOT}</article>\n"),
        beside: String::new(),
    }
    .render(pages, assets)
}

/// Renders the page at the root of the server, with a mark for the list of routes.
pub(super) fn welcome(pages: &[Page], assets: &Assets) -> String {
    let main = format!(
        "<article class=\"front\">\n<h1>Satchel</h1>\n<p class=\"lead\">{TAGLINE} It is running. \
         <a href=\"/docs/start.html\">Start in five minutes</a>, or see \
         <a href=\"/docs/\">all pages</a>.</p>\n<h2>Calls</h2>\n<p>The \
         <a href=\"/docs/rest.html\">REST reference</a> describes each call; \
         <a href=\"/rest/openapi.json\">the OpenAPI document</a> is for programs.</p>\n<pre role=\"region\" \
         aria-label=\"Calls\" tabindex=\"0\"><code>{SLOT}</code></pre>\n</article>\n"
    );
    Frame {
        root: "/docs/",
        title: "Satchel",
        about: TAGLINE,
        here: None,
        main,
        beside: String::new(),
    }
    .render(pages, assets)
}
