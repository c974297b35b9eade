//! What stands around a page: the head, the search, the list of pages, the way on.

use pulldown_cmark::HeadingLevel;

use super::escape;
use super::markdown::Page;
use super::pages::CHAPTERS;

/// The names of the files that pages load, each with a hash of what it holds.
pub struct Assets {
    pub style: String,
    pub script: String,
    pub icon: String,
    pub index: String,
}

/// Where `src/http` and `src/docs` put in what only they know.
const SLOT: &str = "<!-- here -->";

const TAGLINE: &str = "A network inventory in one file.";

/// The frame around every page.
struct Frame<'a> {
    /// What stands before each link: nothing, or `/docs/` for pages that are shown elsewhere.
    root: &'a str,
    title: &'a str,
    about: &'a str,
    /// The page that is shown, where it is one of the list.
    here: Option<&'a str>,
    /// What stands in `main`.
    main: String,
    /// What stands beside it.
    beside: String,
}

impl Frame<'_> {
    fn around(&self, pages: &[Page], assets: &Assets) -> String {
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

/// A page of the list.
pub fn page(
    page: &Page,
    before: Option<&Page>,
    after: Option<&Page>,
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
    let steps = step(before, "prev", "Before") + &step(after, "next", "Next");
    let frame = Frame {
        root: "",
        title: &format!("{} · Satchel", page.title),
        about: &page.about,
        here: Some(page.name),
        main: format!(
            "<article>\n{}</article>\n<nav class=\"steps\" aria-label=\"Before and next\">\n{steps}</nav>\n",
            page.html
        ),
        beside: contents(page),
    };
    frame.around(pages, assets)
}

/// The headings of a page, two levels deep.
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

/// The first page: what there is to read.
pub fn front(pages: &[Page], assets: &Assets) -> String {
    let mut main = format!(
        "<article class=\"front\">\n<h1>Satchel</h1>\n<p class=\"lead\">{TAGLINE} These pages are in the \
         executable: they need no network, and they describe the version that serves them.</p>\n"
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
        .around(pages, assets)
}

/// The page of a search. The server writes what was found; from a disk the script does.
pub fn results(pages: &[Page], assets: &Assets) -> String {
    let main = format!(
        "<article>\n<h1>Search</h1>\n<div id=\"results\">{SLOT}</div>\n<noscript><p>From a disk, the \
         search needs JavaScript. <code>satchel docs --search WORD</code> needs none.</p></noscript>\n\
         </article>\n"
    );
    let about = "What was found in these pages.";
    let title = "Search · Satchel";
    Frame { root: "", title, about, here: None, main, beside: String::new() }.around(pages, assets)
}

/// What is shown where no page is.
pub fn lost(pages: &[Page], assets: &Assets) -> String {
    let main = "<article>\n<h1>There is no such page</h1>\n<p>It may have another name in this version. \
                The list of pages says what there is, the search finds words, and \
                <a href=\"/docs/\">the first page</a> leads to both.</p>\n</article>\n";
    Frame {
        root: "/docs/",
        title: "No such page · Satchel",
        about: "There is nothing here.",
        here: None,
        main: main.to_owned(),
        beside: String::new(),
    }
    .around(pages, assets)
}

/// The page at the root of the server, with a place for the list of its routes.
pub fn welcome(pages: &[Page], assets: &Assets) -> String {
    let main = format!(
        "<article class=\"front\">\n<h1>Satchel</h1>\n<p class=\"lead\">{TAGLINE} It is running. \
         <a href=\"/docs/start.html\">Start in five minutes</a>, or see \
         <a href=\"/docs/\">all pages</a>.</p>\n<h2>Calls</h2>\n<p>This server answers these. \
         <a href=\"/docs/rest.html\">The REST reference</a> says what each does; \
         <a href=\"/rest/openapi.json\">the same for programs</a>.</p>\n<pre role=\"region\" \
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
    .around(pages, assets)
}
