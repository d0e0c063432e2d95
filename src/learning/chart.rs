//! One kind of drawing for every plot of the learning pages: a plane with two axes, and what lies on it, in the user
//! units of its SVG. Colours are in the style sheet; there is no script.

use std::{fmt::Write as _, ops::RangeInclusive};

/// Width of the drawing.
pub const WIDTH: f64 = 400.0;
/// Height of the drawing.
pub const HEIGHT: f64 = 300.0;

const LEFT: f64 = 50.0;
const RIGHT: f64 = 380.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 250.0;

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where it stands along the axis.
    pub at: f64,
    /// What is written there.
    pub text: String,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub name: &'static str,
    /// Its marks.
    pub ticks: Vec<Tick>,
    low: f64,
    high: f64,
    scale: Scale,
}

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    /// By the logarithm of the odds: 0.01 is as far from 0.1 as 0.99 from 0.9.
    Odds,
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Odds => {
                let value = value.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON);
                (value / (1.0 - value)).ln()
            }
        }
    }
}

impl Axis {
    /// An axis over `range` with so many equal steps, written with so many decimals.
    pub fn new(name: &'static str, range: RangeInclusive<f64>, steps: u32, decimals: usize) -> Self {
        let (low, high) = range.into_inner();
        let tick = |step: u32| {
            let value = low + (high - low) * f64::from(step) / f64::from(steps);
            Tick { at: value, text: format!("{value:.decimals$}") }
        };
        Self { name, ticks: (0..=steps).map(tick).collect(), low, high, scale: Scale::Linear }
    }

    /// Shares and probabilities, from 0 to 1.
    pub fn share(name: &'static str) -> Self {
        Self::new(name, 0.0..=1.0, 5, 1)
    }

    /// The scores from 1 to 10.
    pub fn scores(name: &'static str) -> Self {
        Self::new(name, 1.0..=10.0, 9, 0)
    }

    /// The scores from 1 to 10 as the middles of ten columns.
    pub fn bins(name: &'static str) -> Self {
        Self { low: 0.5, high: 10.5, ..Self::scores(name) }
    }

    /// Probabilities by their odds, so that both 0.01 and 0.99 have room; what lies beyond stands at the edge.
    pub fn odds(name: &'static str) -> Self {
        let marks = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999];
        let ticks = marks.map(|at| Tick { at, text: at.to_string() }).to_vec();
        Self { name, ticks, low: 0.001, high: 0.999, scale: Scale::Odds }
    }

    /// From 0 to at least `highest`, in steps of 1, 2 or 5 times a power of ten.
    pub fn count(name: &'static str, highest: f64) -> Self {
        let highest = highest.max(1.0);
        let power = 10_f64.powf((highest / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
        let step = step.into_iter().find(|step| step * 4.0 >= highest).unwrap_or(highest).max(1.0);
        let at = |number: u32| f64::from(number) * step;
        let ticks = (0..=10).map(at).take_while(|value| *value < highest + step);
        let ticks: Vec<_> = ticks.map(|at| Tick { at, text: format!("{at:.0}") }).collect();
        let high = ticks.last().map_or(highest, |tick| tick.at);
        Self { name, ticks, low: 0.0, high, scale: Scale::Linear }
    }

    fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        let [value, low, high] = [value, self.low, self.high].map(|value| self.scale.of(value));
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        from + share * (to - from)
    }
}

/// A polyline.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its class in the style sheet.
    pub class: &'static str,
    /// Its points, as SVG wants them.
    pub points: String,
}

/// A round mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// Its class in the style sheet.
    pub class: &'static str,
    /// Its middle.
    pub x: String,
    /// Its middle.
    pub y: String,
    /// What it stands for.
    pub title: String,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Its class in the style sheet.
    pub class: &'static str,
    /// Left edge.
    pub x: String,
    /// Upper edge.
    pub y: String,
    /// Width.
    pub width: String,
    /// Height.
    pub height: String,
    /// What it stands for.
    pub title: String,
}

/// A plane with what lies on it: bars below lines below dots.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows, for whoever does not see it.
    pub text: String,
    /// The axis to the right.
    pub x: Axis,
    /// The axis upwards.
    pub y: Axis,
    /// Columns.
    pub bars: Vec<Bar>,
    /// Curves.
    pub lines: Vec<Line>,
    /// Marks.
    pub dots: Vec<Dot>,
}

impl Chart {
    /// An empty plane.
    pub const fn new(text: String, x: Axis, y: Axis) -> Self {
        Self { text, x, y, bars: vec![], lines: vec![], dots: vec![] }
    }

    /// With a curve through `points`.
    #[must_use]
    pub fn line(mut self, class: &'static str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut text = String::new();
        for (x, y) in points {
            // Writing to a string never fails.
            let _ = write!(text, "{:.1},{:.1} ", self.x_of(x), self.y_of(y));
        }
        self.lines.push(Line { class, points: text });
        self
    }

    /// With a mark.
    pub fn dot(&mut self, class: &'static str, (x, y): (f64, f64), title: String) {
        let (x, y) = (shortened(self.x_of(x)), shortened(self.y_of(y)));
        self.dots.push(Dot { class, x, y, title });
    }

    /// With a column from `base` to `top` over part of the axis.
    pub fn bar(
        &mut self,
        class: &'static str,
        over: RangeInclusive<f64>,
        (base, top): (f64, f64),
        title: String,
    ) {
        let (left, right) = (self.x_of(*over.start()), self.x_of(*over.end()));
        let (low, high) = (self.y_of(base), self.y_of(top));
        self.bars.push(Bar {
            class,
            x: shortened(left + 1.0),
            y: shortened(high),
            width: shortened((right - left - 2.0).max(1.0)),
            height: shortened(low - high),
            title,
        });
    }

    /// Where a value of the axis to the right stands.
    pub fn x_of(&self, value: f64) -> f64 {
        self.x.place(value, LEFT, RIGHT)
    }

    /// Where a value of the axis upwards stands.
    pub fn y_of(&self, value: f64) -> f64 {
        self.y.place(value, BOTTOM, TOP)
    }

    /// The corners of the plane: left, right, top, bottom.
    pub const fn frame(&self) -> (f64, f64, f64, f64) {
        (LEFT, RIGHT, TOP, BOTTOM)
    }
}

fn shortened(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_the_axes_say() {
        let mut chart = Chart::new(String::new(), Axis::share("recall"), Axis::share("precision"))
            .line("curve", [(0.0, 0.0), (1.0, 1.0)]);
        assert_eq!(chart.lines[0].points, "50.0,250.0 380.0,14.0 ");
        chart.dot("now", (0.5, 2.0), String::new());
        assert_eq!(
            (&*chart.dots[0].x, &*chart.dots[0].y),
            ("215.0", "14.0"),
            "what lies outside stands at the edge"
        );
        assert!(
            (chart.x_of(0.5)
                - Chart::new(String::new(), Axis::odds("threshold"), Axis::share("F1")).x_of(0.5))
            .abs()
                < 1e-9
        );
        chart.bar("watches", 0.0..=0.5, (0.0, 0.5), String::new());
        assert_eq!((&*chart.bars[0].y, &*chart.bars[0].height), ("132.0", "118.0"));
    }

    #[test]
    fn counts_are_marked_in_round_steps_up_to_the_highest() {
        let marks = |highest| {
            let axis = Axis::count("images", highest);
            axis.ticks.into_iter().map(|tick| tick.text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(marks(1.0), "0 1");
        assert_eq!(marks(7.0), "0 2 4 6 8");
        assert_eq!(marks(40.0), "0 10 20 30 40");
        assert_eq!(marks(143.0), "0 50 100 150");
    }
}
