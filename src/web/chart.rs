//! Data for charts, as JSON that a page carries and a script draws.
//!
//! Prices are written as decimal numbers out of their micro-dollars: no floating point touches them here.

use crate::market::Day;
use crate::market::drawdown::Point;
use crate::types::Price;

/// Colours there are; the style names them.
pub const COLOURS: usize = 8;

/// What a chart shows.
#[derive(Debug, Default)]
pub struct Chart {
    /// Lines, in the order of their colours.
    pub lines: Vec<Line>,
    /// What happened when.
    pub marks: Vec<Mark>,
    /// What the figures are: `usd` or `percent`.
    pub unit: &'static str,
}

/// A line of a chart.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Day and figure, the figure as a JSON number.
    pub points: Vec<(Day, String)>,
    /// `line`, `step` for prices that hold until they change, or `dots` for single sightings.
    pub style: &'static str,
    /// Whether it is what the chart is about.
    pub main: bool,
    /// Which of the page's colours it has.
    pub colour: usize,
}

/// Something that happened on a day.
#[derive(Debug, Clone)]
pub struct Mark {
    /// When.
    pub day: Day,
    /// What, in a few words.
    pub text: String,
    /// `above` or `below`.
    pub place: &'static str,
}

impl Line {
    /// Returns a line of prices.
    pub fn prices(name: impl Into<String>, points: &[Point], style: &'static str) -> Self {
        let points = points.iter().map(|point| (Day::of(point.at), point.price.to_string())).collect();
        Self { name: name.into(), points, style, main: false, colour: 0 }
    }

    /// Returns a line of how far prices are below their highest so far, in per cent.
    pub fn under_water(name: impl Into<String>, points: &[Point], style: &'static str) -> Self {
        let mut peak = Price::default();
        let mut below = Vec::with_capacity(points.len());
        for point in points {
            peak = peak.max(point.price);
            if let Some(ratio) = crate::market::Ratio::change(peak.micros(), point.price.micros()) {
                below.push((Day::of(point.at), hundredths(ratio.ten_thousandths())));
            }
        }
        Self { name: name.into(), points: below, style, main: false, colour: 0 }
    }

    /// Returns the line in the colour of a place in the page's list.
    pub fn coloured(mut self, place: usize) -> Self {
        self.colour = place % COLOURS;
        self
    }

    /// Returns the line as the one that the chart is about.
    pub fn as_main(mut self) -> Self {
        self.main = true;
        self
    }
}

impl Chart {
    /// Returns the chart as JSON that can stand inside a `script` element.
    pub fn json(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(line).collect();
        let marks: Vec<String> = self.marks.iter().map(mark).collect();
        format!("{{\"unit\":\"{}\",\"lines\":[{}],\"marks\":[{}]}}", self.unit, lines.join(","), marks.join(","))
    }

    /// Tells whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.points.is_empty())
    }
}

fn line(line: &Line) -> String {
    let points: Vec<String> = line.points.iter().map(|(day, figure)| format!("[\"{day}\",{figure}]")).collect();
    let (name, style) = (text(&line.name), line.style);
    let (main, colour) = (line.main, line.colour);
    let points = points.join(",");
    format!("{{\"name\":{name},\"style\":\"{style}\",\"main\":{main},\"colour\":{colour},\"points\":[{points}]}}")
}

fn mark(mark: &Mark) -> String {
    format!("{{\"day\":\"{}\",\"text\":{},\"place\":\"{}\"}}", mark.day, text(&mark.text), mark.place)
}

/// Writes a text as JSON in which nothing can end the element it stands in.
fn text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn hundredths(number: i64) -> String {
    let magnitude = number.unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(prices: &[i64]) -> Vec<Point> {
        let point = |(day, price): (u32, &i64)| Point { at: Day::new(day).start(), price: Price::from_micros(*price) };
        (20_000..).zip(prices).map(point).collect()
    }

    #[test]
    fn charts_are_json_and_cannot_leave_their_element() {
        let line = Line::prices("</script><b>", &points(&[8_000_000, 2_123_456]), "line").as_main();
        let mark = Mark { day: Day::new(20_000), text: "a & \"b\"".to_owned(), place: "above" };
        let text = Chart { lines: vec![line], marks: vec![mark], unit: "usd" }.json();
        assert!(!text.contains('<') && !text.contains('&'), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["lines"][0]["name"], "</script><b>");
        assert_eq!(read["lines"][0]["points"][1][1].to_string(), "2.123456");
        assert_eq!(read["marks"][0]["text"], "a & \"b\"");
    }

    #[test]
    fn a_fall_is_per_cent_below_the_highest_so_far() {
        let line = Line::under_water("x", &points(&[4, 8, 2, 5]), "line");
        let figures: Vec<&str> = line.points.iter().map(|(_, figure)| figure.as_str()).collect();
        assert_eq!(figures, ["0.00", "0.00", "-75.00", "-37.50"]);
    }
}
