//! Text that is safe in HTML, and the frame of a page.

use std::fmt::{self, Write};

/// Text in which nothing is markup, also inside of an attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // XML has no other control characters.
                c if c.is_control() && !matches!(c, '\n' | '\t') => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A whole page. It asks for nothing from anywhere, and is XML as well.
pub(crate) fn frame(title: &str, body: &str) -> String {
    let title = Escaped(title);
    let style = include_str!("style.css");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n\
         <meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n"
    )
}

/// A section with a heading; nothing if there is nothing in it.
pub(crate) fn section(heading: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!(
        "<section>\n<h2>{}</h2>\n{body}</section>\n",
        Escaped(heading)
    )
}

/// A table: names of the columns, and rows whose first cell names them.
pub(crate) fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from("<div class=\"wide\"><table>\n");
    if !columns.is_empty() {
        let head: String = columns
            .iter()
            .map(|name| format!("<th>{}</th>", Escaped(name)))
            .collect();
        text.push_str(&format!("<thead><tr>{head}</tr></thead>\n"));
    }
    text.push_str("<tbody>\n");
    for row in rows {
        let mut cells = row.iter();
        let name = cells.next().map_or("", String::as_str);
        let rest: String = cells
            .map(|cell| format!("<td>{}</td>", Escaped(cell)))
            .collect();
        text.push_str(&format!("<tr><th>{}</th>{rest}</tr>\n", Escaped(name)));
    }
    text.push_str("</tbody>\n</table></div>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_written_is_markup() {
        let text = Escaped("<b a=\"1\" c='2'>&\u{1}").to_string();
        assert_eq!(text, "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\u{fffd}");
        assert!(table(&["<"], &[vec!["<".to_owned(), "&".to_owned()]]).contains("<td>&amp;</td>"));
    }
}
