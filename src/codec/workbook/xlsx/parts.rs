//! What stands beside the sheets: their names, looks, and what refers to what.

use super::super::look::{CellLook, DATE_PATTERN, FONT_NORMAL, FORMAT_DATE};
use super::super::write::Mark;
use super::sheet::Sheet;
use super::text;

/// How every part begins.
pub(super) const BEGIN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
/// Of workbooks, sheets and looks.
pub(super) const NAMESPACE: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
/// How the types of parts begin.
const TYPE: &str = "application/vnd.openxmlformats";

/// When every workbook was made: the same cells are the same file. It is the first moment that a
/// zip archive can name.
const MOMENT: &str = "1980-01-01T00:00:00Z";

/// Excel's own font.
const FONT: &str = "<sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/>";

/// Rose, the same as in `.xls`.
const COLOUR_WRONG: &str = "FFFF99CC";
/// By place among the fills. The two before it are given.
const FILL_WRONG: u16 = 2;

/// The name of a sheet's part, which is the `number`th from 1, in the folder of the workbook.
pub(super) fn sheet_name(number: usize) -> String {
    format!("worksheets/sheet{number}.xml")
}

/// The parts that stand before the sheets, by their names. That which says what the others are
/// comes first: there, it is looked for by those who guess what a file is.
pub(super) fn beside(sheets: &[Sheet]) -> [(&'static str, String); 7] {
    [
        ("[Content_Types].xml", types(sheets)),
        ("_rels/.rels", package_references()),
        ("docProps/app.xml", application()),
        ("docProps/core.xml", moments()),
        ("xl/workbook.xml", workbook(sheets)),
        ("xl/_rels/workbook.xml.rels", workbook_references(sheets)),
        ("xl/styles.xml", looks()),
    ]
}

/// What each part is.
fn types(sheets: &[Sheet]) -> String {
    let part = |name: &str, content: &str| {
        format!("<Override PartName=\"/{name}\" ContentType=\"{TYPE}-{content}+xml\"/>")
    };
    let sheet = |number| {
        part(&format!("xl/{}", sheet_name(number)), "officedocument.spreadsheetml.worksheet")
    };
    [
        format!("{BEGIN}<Types xmlns=\"{PACKAGE}/content-types\">"),
        format!(
            "<Default Extension=\"rels\" ContentType=\"{TYPE}-package.relationships+xml\"/>\
             <Default Extension=\"xml\" ContentType=\"application/xml\"/>"
        ),
        part("docProps/app.xml", "officedocument.extended-properties"),
        part("docProps/core.xml", "package.core-properties"),
        part("xl/workbook.xml", "officedocument.spreadsheetml.sheet.main"),
        part("xl/styles.xml", "officedocument.spreadsheetml.styles"),
        (1..=sheets.len()).map(sheet).collect(),
        "</Types>".to_owned(),
    ]
    .concat()
}

/// Parts that another one refers to, by number from 1: what they are to it, and their names.
fn references(to: impl IntoIterator<Item = (String, String)>) -> String {
    let references = (1..).zip(to).map(|(number, (kind, name))| {
        format!("<Relationship Id=\"rId{number}\" Type=\"{kind}\" Target=\"{name}\"/>")
    });
    let references: String = references.collect();
    format!("{BEGIN}<Relationships xmlns=\"{PACKAGE}/relationships\">{references}</Relationships>")
}

fn package_references() -> String {
    references(
        [
            (format!("{OFFICE}/relationships/officeDocument"), "xl/workbook.xml"),
            (format!("{PACKAGE}/relationships/metadata/core-properties"), "docProps/core.xml"),
            (format!("{OFFICE}/relationships/extended-properties"), "docProps/app.xml"),
        ]
        .map(|(kind, name)| (kind, name.to_owned())),
    )
}

/// The sheets come first, so that they have their own numbers.
fn workbook_references(sheets: &[Sheet]) -> String {
    let sheet = |number| (format!("{OFFICE}/relationships/worksheet"), sheet_name(number));
    let looks = (format!("{OFFICE}/relationships/styles"), "styles.xml".to_owned());
    references((1..=sheets.len()).map(sheet).chain([looks]))
}

/// Who wrote it.
fn application() -> String {
    format!(
        "{BEGIN}<Properties xmlns=\"{OFFICE}/extended-properties\">\
         <Application>Satchel</Application></Properties>"
    )
}

/// When it was written.
fn moments() -> String {
    let moment =
        |of: &str| format!("<dcterms:{of} xsi:type=\"dcterms:W3CDTF\">{MOMENT}</dcterms:{of}>");
    format!(
        "{BEGIN}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
         xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">{}{}</cp:coreProperties>",
        moment("created"),
        moment("modified")
    )
}

/// The sheets' names, and what their filters are about: Excel looks for it here.
fn workbook(sheets: &[Sheet]) -> String {
    let names = (1..).zip(sheets).map(|(number, sheet)| {
        let name = text::quoted(&sheet.name);
        format!("<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>")
    });
    let names: String = names.collect();
    let filters = (0..).zip(sheets).filter_map(|(place, sheet)| {
        let area = text::quoted(&sheet.filter()?);
        Some(format!(
            "<definedName name=\"_xlnm._FilterDatabase\" localSheetId=\"{place}\" \
             hidden=\"1\">{area}</definedName>"
        ))
    });
    let filters: String = filters.collect();
    let filters = match filters.as_str() {
        "" => filters,
        filters => format!("<definedNames>{filters}</definedNames>"),
    };
    format!(
        "{BEGIN}<workbook xmlns=\"{NAMESPACE}\" xmlns:r=\"{OFFICE}/relationships\"><bookViews>\
         <workbookView/></bookViews><sheets>{names}</sheets>{filters}</workbook>"
    )
}

/// The looks of cells. What a cell or a column says is a look's place among them.
fn looks() -> String {
    let looks = CellLook::all().map(|(look, mark)| {
        let font = match look.font() {
            FONT_NORMAL => format!("fontId=\"{FONT_NORMAL}\""),
            font => format!("fontId=\"{font}\" applyFont=\"1\""),
        };
        let fill = match mark {
            Mark::None => "fillId=\"0\"".to_owned(),
            Mark::Wrong => format!("fillId=\"{FILL_WRONG}\" applyFill=\"1\""),
        };
        format!(
            "<xf numFmtId=\"{}\" {font} {fill} borderId=\"0\" xfId=\"0\" \
             applyNumberFormat=\"1\"/>",
            look.format()
        )
    });
    let looks: Vec<_> = looks.collect();
    [
        format!("{BEGIN}<styleSheet xmlns=\"{NAMESPACE}\">"),
        format!(
            "<numFmts count=\"1\"><numFmt numFmtId=\"{FORMAT_DATE}\" \
             formatCode=\"{DATE_PATTERN}\"/></numFmts>"
        ),
        format!("<fonts count=\"2\"><font>{FONT}</font><font><b/>{FONT}</font></fonts>"),
        format!(
            "<fills count=\"3\"><fill><patternFill patternType=\"none\"/></fill><fill>\
             <patternFill patternType=\"gray125\"/></fill><fill><patternFill \
             patternType=\"solid\"><fgColor rgb=\"{COLOUR_WRONG}\"/><bgColor indexed=\"64\"/>\
             </patternFill></fill></fills>"
        ),
        "<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
            .to_owned(),
        "<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/>\
         </cellStyleXfs>"
            .to_owned(),
        format!("<cellXfs count=\"{}\">{}</cellXfs>", looks.len(), looks.concat()),
        "<cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/>\
         </cellStyles></styleSheet>"
            .to_owned(),
    ]
    .concat()
}
