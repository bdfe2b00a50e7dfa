//! A chart as inline SVG: curves over one axis, with a legend, and figures where the mouse rests.

use std::error::Error;
use std::ops::Range;

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use crate::report::page::axis::{Line, TickAxis, ValueAxis};
use crate::report::page::unit::{Unit, number};

/// What a chart shows.
#[derive(Clone, Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// What the numbers count.
    pub(crate) unit: Unit,
    /// What goes from left to right.
    pub(crate) label: &'a str,
    /// A place in words.
    pub(crate) text: fn(f64) -> String,
    /// The first place; the last one is that of the curves.
    pub(crate) from: f64,
    /// Places that are labelled; round numbers where there are none.
    pub(crate) ticks: &'a [f64],
    /// Lines from top to bottom with what is written at them.
    pub(crate) marks: Vec<(f64, String)>,
    pub(crate) curves: Vec<Curve>,
    /// Whether curves lie on top of each other, with their areas filled.
    pub(crate) is_stacked: bool,
}

/// A curve: places from left to right, and numbers; none is a gap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

impl Curve {
    /// One through these points.
    pub(crate) fn new<N: Into<String>>(
        name: N,
        points: impl IntoIterator<Item = (f64, Option<f64>)>,
    ) -> Self {
        Self {
            name: name.into(),
            points: points.into_iter().collect(),
        }
    }
}

/// Where the mouse finds figures: places with their pixels, and the pixels of all.
type Bands = (Vec<(f64, i32)>, (Range<i32>, Range<i32>));

/// Coordinates are whole numbers, so a drawing has four of them for each pixel of the page.
const SIZE: (u32, u32) = (4 * 520, 4 * 240);
/// Above the curves, where names of marks stand in two lines.
const TOP: i32 = 4 * 30;
const RIGHT: i32 = 4 * 12;
const LINE: i32 = 4 * 13;
const LETTER: i32 = 4 * 7;
/// The style sheet knows a drawing's parts by their colours, and has others for a dark page.
const CURVES: [RGBColor; 6] = [
    RGBColor(0x0b, 0x6b, 0xcb),
    RGBColor(0xd9, 0x73, 0x0d),
    RGBColor(0xb3, 0x26, 0x1e),
    RGBColor(0x2e, 0x7d, 0x4f),
    RGBColor(0x7b, 0x4b, 0xb7),
    RGBColor(0x00, 0x7a, 0x87),
];
const GRID: RGBColor = RGBColor(0xdf, 0xe4, 0xea);
const AXIS: RGBColor = RGBColor(0x5c, 0x68, 0x75);
const MARK: RGBColor = RGBColor(0x8a, 0x94, 0x9e);
/// Places with figures for the mouse.
const BANDS_MAX: usize = 100;

impl<'a> Chart<'a> {
    /// One from 0 on, with round numbers and without marks.
    pub(crate) fn new(title: &'a str, unit: Unit, label: &'a str, curves: Vec<Curve>) -> Self {
        Self {
            title,
            unit,
            label,
            text: number,
            from: 0.0,
            ticks: &[],
            marks: Vec::new(),
            curves,
            is_stacked: false,
        }
    }

    /// Draws it; nothing without points.
    pub(crate) fn draw(&self) -> Markup {
        let mut curves = self.curves.clone();
        if self.is_stacked {
            stack(&mut curves);
        }
        let Some(up) = ValueAxis::new(self.unit, self.is_stacked, &curves) else {
            return html! {};
        };
        let mut svg = String::new();
        let over = match self.svg(&mut svg, &curves, &up) {
            Ok(bands) => self.bands(&bands),
            Err(error) => html! { text y="60" { (error) } },
        };
        svg.insert_str(svg.rfind("</svg>").unwrap_or(0), &over.0);
        let scale = if up.is_logarithmic {
            ", logarithmic"
        } else {
            ""
        };
        html! {
            figure.card {
                figcaption { (self.title) " " span.soft { (up.label) (scale) } }
                div.legend {
                    @for (index, curve) in self.curves.iter().enumerate() {
                        span { i class={ "k" (index % CURVES.len()) } {} (curve.name) }
                    }
                }
                (PreEscaped(svg))
            }
        }
    }

    fn svg(
        &self,
        svg: &mut String,
        curves: &[Curve],
        up: &ValueAxis,
    ) -> Result<Bands, Box<dyn Error>> {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let points = curves.iter().flat_map(|curve| &curve.points);
        let to = points.map(|(x, _)| *x).fold(self.from, f64::max);
        let to = if to > self.from { to } else { self.from + 1.0 };
        let mut ticks = self.ticks.to_vec();
        ticks.retain(|tick| *tick <= to);
        let ends = up.ticks.first().copied().zip(up.ticks.last().copied());
        let (low, high) = ends.ok_or("an axis without ends")?;
        let longest = up.ticks.iter().map(|tick| width(&up.text(*tick))).max();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(if self.marks.is_empty() { LINE } else { TOP })
            .margin_right(RIGHT)
            .x_label_area_size(3 * LINE)
            .y_label_area_size(longest.unwrap_or(0).max(3 * LETTER) + LETTER)
            .build_cartesian_2d(
                TickAxis::new(self.from..to, &ticks),
                TickAxis::new(low..high, &up.ticks),
            )?;
        let text = ("sans-serif", 60).into_text_style(&root).color(&AXIS);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID.stroke_width(4))
            .axis_style(AXIS.stroke_width(4))
            .label_style(text.clone())
            .set_all_tick_mark_size(12)
            .x_desc(self.label)
            .x_label_formatter(&|place| (self.text)(*place))
            .y_label_formatter(&|place| up.text(*place))
            .draw()?;
        let area = chart.plotting_area();
        let (edges, _) = area.get_pixel_range();
        let mut ends = [0; 2];
        for (x, name) in &self.marks {
            let line = vec![(*x, low), (*x, high)];
            area.draw(&PathElement::new(line, MARK.stroke_width(4)))?;
            let at = area.map_coordinate(&(*x, low)).0;
            if let Some(at) = name_at(name, at, edges.end, &mut ends) {
                root.draw_text(name, &text, at)?;
            }
        }
        let lines: Vec<Line> = curves.iter().map(|curve| up.line(curve)).collect();
        // The first curve last, so that it stays in sight.
        for (index, line) in lines.iter().enumerate().rev() {
            let colour = CURVES[index % CURVES.len()];
            if self.is_stacked {
                let ground = line.iter().map(|(x, _)| (*x, None)).collect();
                let below = index.checked_sub(1).map_or(&ground, |below| &lines[below]);
                let around = line.iter().chain(below.iter().rev());
                let around: Vec<_> = around.map(|(x, y)| (*x, y.unwrap_or(low))).collect();
                area.draw(&Polygon::new(around, colour.mix(0.35)))?;
            }
            for run in line.split(|(_, y)| y.is_none()) {
                let run: Vec<_> = run.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect();
                match run[..] {
                    [] => {}
                    // One has no line, so it is a dot.
                    [alone] => area.draw(&Circle::new(alone, 8, colour.filled()))?,
                    _ => area.draw(&PathElement::new(run, colour.stroke_width(7)))?,
                }
            }
        }
        let pixel = |x: f64| (x, area.map_coordinate(&(x, low)).0);
        Ok((self.places().map(pixel).collect(), area.get_pixel_range()))
    }

    /// Places with figures for the mouse.
    fn places(&self) -> impl Iterator<Item = f64> {
        let longest = self.curves.iter().max_by_key(|curve| curve.points.len());
        let points = longest.map_or(&[][..], |curve| &curve.points);
        let every = points.len().div_ceil(BANDS_MAX).max(1);
        points.iter().step_by(every).map(|(x, _)| *x)
    }

    /// Places where the mouse shows all figures, each up to the middle between its neighbours.
    fn bands(&self, (places, (across, up)): &Bands) -> Markup {
        let middle = |left: usize, end: i32| match places.get(left..left + 2) {
            Some([(_, left), (_, right)]) => i32::midpoint(*left, *right),
            _ => end,
        };
        html! {
            @for (index, (place, _)) in places.iter().enumerate() {
                @let from = index.checked_sub(1).map_or(across.start, |left| middle(left, 0));
                rect class="band" x=(from) y=(up.start)
                    width=((middle(index, across.end) - from).max(2))
                    height=(up.end - up.start) { title { (self.figures(*place)) } }
            }
        }
    }

    /// What all curves have at a place, or next to it on the right.
    fn figures(&self, place: f64) -> String {
        let mut text = format!("{}: {}", self.label, (self.text)(place));
        for curve in &self.curves {
            let index = curve.points.partition_point(|(other, _)| *other < place);
            if let Some((_, Some(value))) = curve.points.get(index) {
                text.push_str(&format!("\n{}: {}", curve.name, self.unit.text(*value)));
            }
        }
        text
    }
}

/// Where the name of a mark at `x` goes, after the names that end at `ends` in two lines; one that
/// would lie on others in both is left out.
fn name_at(name: &str, x: i32, right: i32, ends: &mut [i32; 2]) -> Option<(i32, i32)> {
    let begin = (x - width(name) / 2).min(right - width(name)).max(1);
    let line = ends.iter().position(|end| *end < begin)?;
    ends[line] = begin + width(name) + LETTER;
    Some((begin, if line == 0 { 0 } else { LINE }))
}

/// Each curve on top of those before it.
fn stack(curves: &mut [Curve]) {
    for index in 1..curves.len() {
        let (below, rest) = curves.split_at_mut(index);
        for ((_, value), (_, below)) in rest[0].points.iter_mut().zip(&below[index - 1].points) {
            *value = value.map(|value| value + below.unwrap_or(0.0));
        }
    }
}

/// About how wide a text is.
fn width(text: &str) -> i32 {
    i32::try_from(text.chars().count()).map_or(0, |letters| letters.saturating_mul(LETTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(marks: Vec<(f64, String)>, values: &[Option<f64>]) -> String {
        let places = (0..).map(f64::from);
        let curve = Curve::new("a <curve>", places.zip(values.iter().copied()));
        let chart = Chart {
            marks,
            ..Chart::new("Title", Unit::Micros, "seconds", vec![curve])
        };
        chart.draw().0
    }

    #[test]
    fn a_mark_may_have_a_name_longer_than_the_chart() {
        let name = "long".repeat(40);
        assert!(chart(vec![(0.5, name.clone())], &[Some(1.0)]).contains(&name));
    }

    #[test]
    fn a_gap_divides_a_curve_and_a_single_point_is_a_dot() {
        let drawn = chart(Vec::new(), &[Some(1.0), None, Some(2.0)]);
        assert_eq!(drawn.matches("<circle").count(), 2, "{drawn}");
        assert!(drawn.contains("a &lt;curve&gt;"), "{drawn}");
        assert_eq!(chart(Vec::new(), &[None]), "");
    }

    #[test]
    fn the_style_sheet_knows_all_colours() {
        let style = include_str!("style.css");
        for RGBColor(r, g, b) in CURVES.into_iter().chain([GRID, AXIS, MARK]) {
            let colour = format!("[stroke=\"#{r:02X}{g:02X}{b:02X}\"]");
            assert!(style.contains(&colour), "{colour}");
        }
    }
}
