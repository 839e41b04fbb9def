//! Plots as SVG: lines on logarithmic axes, and bars.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::rounds::Figure;

/// The pixels from one bar to the next.
const ROW: i32 = 32;

type Drawn = Result<(), Box<dyn Error>>;

const COLOURS: [RGBColor; 8] = [
    RGBColor(0xc0, 0x39, 0x2b),
    RGBColor(0x1f, 0x6f, 0xb4),
    RGBColor(0x2e, 0x8b, 0x57),
    RGBColor(0x8e, 0x5a, 0xa8),
    RGBColor(0xd6, 0x8a, 0x10),
    RGBColor(0x30, 0x96, 0xa0),
    RGBColor(0x7f, 0x8c, 0x8d),
    RGBColor(0x5d, 0x40, 0x37),
];

/// A line of a plot: its name, and its points from left to right.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// What an axis shows, and how a number stands on it.
#[derive(Clone, Copy)]
pub struct Axis {
    name: &'static str,
    number: fn(&f64) -> String,
    /// Numbers stand at its powers.
    base: f64,
}

impl Axis {
    /// An axis of plain numbers: 0.25, 10, 5k, 2M.
    #[must_use]
    pub fn plain(name: &'static str) -> Self {
        Self { name, number: |number| short(*number, 1000.0, ["", "k", "M"]), base: 10.0 }
    }

    /// An axis of sizes: 64, 1 KiB, 1 MiB.
    #[must_use]
    pub fn bytes(name: &'static str) -> Self {
        Self { name, number: |number| short(*number, 1024.0, ["", " KiB", " MiB"]), base: 4.0 }
    }
}

fn short(number: f64, step: f64, units: [&str; 3]) -> String {
    let (scaled, unit) = match number {
        small if small < step => (small, units[0]),
        middle if middle < step * step => (middle / step, units[1]),
        large => (large / step / step, units[2]),
    };
    format!("{}{unit}", (scaled * 100.0).round() / 100.0)
}

/// A plot of lines, both axes logarithmic.
///
/// # Panics
///
/// If there is no point, or one that is not above zero.
#[must_use]
pub fn lines(title: &str, x: Axis, y: Axis, lines: &[Line]) -> String {
    svg(460, |area| draw_lines(area, title, (x, y), lines))
}

/// A plot of bars, each with its figure in so many digits. A mark on each bar goes from the first to
/// the third quartile. Names that begin with "ours" have a colour of their own.
///
/// # Panics
///
/// If there is no bar.
#[must_use]
pub fn bars(title: &str, bars: &[(String, Figure)], digits: usize) -> String {
    let rows = i32::try_from(bars.len()).expect("few bars");
    let height = (66 + ROW * rows).unsigned_abs();
    svg(height, |area| draw_bars(area, title, bars, digits))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn svg(height: u32, draw: impl FnOnce(&Area) -> Drawn) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (820, height)).into_drawing_area();
        area.fill(&WHITE).expect("a string takes all");
        draw(&area).expect("a string takes all");
    }
    text
}

fn draw_lines(area: &Area, title: &str, (x, y): (Axis, Axis), lines: &[Line]) -> Drawn {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (from_x, to_x) = extent(points().map(|point| point.0));
    let (from_y, to_y) = extent(points().map(|point| point.1));
    let (left, right) = area.split_horizontally(590);
    let mut chart = ChartBuilder::on(&left)
        .caption(title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(
            (from_x..to_x).log_scale().base(x.base),
            (from_y / 1.2..to_y * 1.2).log_scale().base(y.base),
        )?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(x.name).y_desc(y.name).x_label_formatter(&x.number);
    mesh.y_label_formatter(&y.number).light_line_style(BLACK.mix(0.04));
    mesh.bold_line_style(BLACK.mix(0.15)).draw()?;
    let mut height = 60;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let series = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
        chart.draw_series(series.point_size(3))?;
        right.draw(&PathElement::new([(0, height), (18, height)], colour.stroke_width(2)))?;
        let name = line.name.replace('`', "");
        right.draw(&Text::new(name, (26, height), style(area, 15, HPos::Left)))?;
        height += 26;
    }
    Ok(area.present()?)
}

fn style<'a>(area: &Area, size: i32, anchor: HPos) -> TextStyle<'a> {
    let style = ("sans-serif", size).into_text_style(area);
    style.pos(Pos::new(anchor, VPos::Center))
}

fn extent(figures: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    (figures.clone().fold(f64::MAX, f64::min), figures.fold(f64::MIN_POSITIVE, f64::max))
}

/// Each bar is drawn by hand: its name stands to the left, its figure to the right, and no axis is
/// needed.
fn draw_bars(area: &Area, title: &str, bars: &[(String, Figure)], digits: usize) -> Drawn {
    let (left, width) = (290, 400.0);
    area.draw(&Text::new(title, (12, 26), style(area, 20, HPos::Left)))?;
    let (_, longest) = extent(bars.iter().map(|(_, figure)| figure.high));
    let mut middle = 66;
    for (name, figure) in bars {
        #[expect(clippy::cast_possible_truncation, reason = "some hundred pixels")]
        let at = |value: f64| left + (value / longest * width).round() as i32;
        let bar = [(left, middle - 11), (at(figure.median), middle + 11)];
        let colour = if name.starts_with("ours") { COLOURS[0] } else { COLOURS[1] };
        area.draw(&Rectangle::new(bar, colour.mix(0.75).filled()))?;
        let quartiles = [(at(figure.low), middle), (at(figure.high), middle)];
        area.draw(&PathElement::new(quartiles, BLACK.stroke_width(2)))?;
        area.draw(&Text::new(name.as_str(), (left - 8, middle), style(area, 16, HPos::Right)))?;
        let value = format!("{:.digits$}", figure.median);
        let beside = at(figure.high.max(figure.median)) + 8;
        area.draw(&Text::new(value, (beside, middle), style(area, 16, HPos::Left)))?;
        middle += ROW;
    }
    Ok(area.present()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bars_show_every_name() {
        let line = |name: &str, height| Line {
            name: name.to_owned(),
            points: (0..7).map(|n| (4_f64.powi(n), height + f64::from(n))).collect(),
        };
        let two = [line("one", 1.0), line("two", 30.0)];
        let plot = lines("Lines", Axis::bytes("bytes of body"), Axis::plain("ns"), &two);
        for text in ["Lines", "one", "two", "bytes of body", "4 KiB"] {
            assert!(plot.contains(text), "{text} in {plot}");
        }
        let figure = |median| Figure { median, low: median * 0.9, high: median * 1.2 };
        let two = [("one".to_owned(), figure(1.0)), ("two".to_owned(), figure(2.5))];
        let plot = bars("Bars", &two, 1);
        for text in ["Bars", "one", "two", "1.0", "2.5"] {
            assert!(plot.contains(text), "{text} in {plot}");
        }
    }
}
