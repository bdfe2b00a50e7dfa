//! The pieces that pages are made of, escaped by maud.

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

/// A whole page, which asks for nothing from anywhere.
pub(crate) fn frame(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}

/// A section with a heading; nothing if there is nothing in it.
pub(crate) fn section(heading: &str, body: &Markup) -> Markup {
    html! { @if !body.0.is_empty() { section { h2 { (heading) } (body) } } }
}

/// The same, of parts that stand in a grid of this class.
pub(crate) fn grid(heading: &str, class: &str, body: &Markup) -> Markup {
    html! { @if !body.0.is_empty() { (section(heading, &html! { div class=(class) { (body) } })) } }
}

/// A figure in large type.
pub(crate) fn tile(value: &str, name: &str, class: &str) -> Markup {
    html! { div.tile { b class=(class) { (value) } span { (name) } } }
}

/// A table: names of the columns, and rows that begin with their names.
pub(crate) fn table<C: Render>(columns: &[&str], rows: &[Vec<C>]) -> Markup {
    html! {
        @if !rows.is_empty() {
            div.wide { table class=(if columns.is_empty() { "facts" } else { "" }) {
                @if !columns.is_empty() {
                    thead { tr { @for name in columns { th { (name) } } } }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for cell in row.iter().take(1) { th { (cell) } }
                            @for cell in row.iter().skip(1) { td { (cell) } }
                        }
                    }
                }
            } }
        }
    }
}
