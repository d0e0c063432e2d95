//! A canvas in the units of a scene: the origin is its middle, the shorter side is 200 units long.

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point,
    RadialGradient, Rect, Shader, SpreadMode, Stroke, Transform,
};

use super::DemoError;

/// A colour: red, green, blue from 0 to 255.
pub type Rgb = [u8; 3];

/// What is drawn on.
pub struct Canvas {
    /// The pixels.
    pub pixmap: Pixmap,
    base: Transform,
    now: Transform,
}

impl Canvas {
    /// An empty canvas.
    pub fn new(width_px: u32, height_px: u32) -> Result<Self, DemoError> {
        let pixmap = Pixmap::new(width_px, height_px).ok_or_else(|| DemoError("a side is 0".to_owned()))?;
        let (width, height) = (side(width_px), side(height_px));
        let scale = width.min(height) / 200.0;
        let base = Transform::from_row(scale, 0.0, 0.0, scale, width / 2.0, height / 2.0);
        Ok(Self { pixmap, base, now: base })
    }

    /// Moves the camera: everything drawn from now on is enlarged, turned and shifted.
    pub fn look_at(&mut self, zoom: f32, turn_degrees: f32, (x, y): (f32, f32)) {
        self.now = self
            .base
            .pre_translate(x, y)
            .pre_scale(zoom, zoom)
            .pre_concat(Transform::from_rotate(turn_degrees));
    }

    /// Draws something turned around the origin.
    pub fn turned(&mut self, degrees: f32, draw: impl FnOnce(&mut Self)) {
        self.moved((0.0, 0.0), degrees, draw);
    }

    /// Draws something around another place, turned there.
    pub fn moved(&mut self, (x, y): (f32, f32), degrees: f32, draw: impl FnOnce(&mut Self)) {
        let before = self.now;
        self.now = before.pre_translate(x, y).pre_concat(Transform::from_rotate(degrees));
        draw(self);
        self.now = before;
    }

    /// A filled circle.
    pub fn circle(&mut self, (x, y): (f32, f32), radius: f32, paint: &Paint<'_>) {
        self.fill(PathBuilder::from_circle(x, y, radius), paint);
    }

    /// A ring of a width.
    pub fn ring(&mut self, (x, y): (f32, f32), radius: f32, width: f32, paint: &Paint<'_>) {
        self.stroke(PathBuilder::from_circle(x, y, radius), width, paint);
    }

    /// A line with round ends.
    pub fn line(&mut self, (x, y): (f32, f32), (to_x, to_y): (f32, f32), width: f32, paint: &Paint<'_>) {
        let mut path = PathBuilder::new();
        path.move_to(x, y);
        path.line_to(to_x, to_y);
        self.stroke(path.finish(), width, paint);
    }

    /// A rectangle around a place, its corners rounded.
    pub fn block(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), round: f32, paint: &Paint<'_>) {
        let (left, top, right, bottom) =
            (x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0);
        let round = round.min(width / 2.0).min(height / 2.0);
        let mut path = PathBuilder::new();
        path.move_to(left + round, top);
        path.line_to(right - round, top);
        path.quad_to(right, top, right, top + round);
        path.line_to(right, bottom - round);
        path.quad_to(right, bottom, right - round, bottom);
        path.line_to(left + round, bottom);
        path.quad_to(left, bottom, left, bottom - round);
        path.line_to(left, top + round);
        path.quad_to(left, top, left + round, top);
        path.close();
        self.fill(path.finish(), paint);
    }

    /// A polygon.
    pub fn polygon(&mut self, corners: &[(f32, f32)], paint: &Paint<'_>) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in corners.iter().enumerate() {
            if index == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        path.close();
        self.fill(path.finish(), paint);
    }

    /// The whole canvas.
    pub fn cover(&mut self, paint: &Paint<'_>) {
        let (width, height) = (side(self.pixmap.width()), side(self.pixmap.height()));
        if let Some(all) = Rect::from_xywh(0.0, 0.0, width, height) {
            self.pixmap.fill_rect(all, paint, Transform::identity(), None);
        }
    }

    /// A soft shadow: many faint circles, each larger than the one before.
    pub fn shadow(&mut self, (x, y): (f32, f32), radius: f32) {
        for step in 0..14_u8 {
            let grow = f32::from(step) * 1.6;
            self.circle((x + 3.0, y + 5.0), radius - 6.0 + grow, &plain_with([0, 0, 0], 12));
        }
    }

    fn fill(&mut self, path: Option<Path>, paint: &Paint<'_>) {
        if let Some(path) = path {
            self.pixmap.fill_path(&path, paint, FillRule::Winding, self.now, None);
        }
    }

    fn stroke(&mut self, path: Option<Path>, width: f32, paint: &Paint<'_>) {
        if let Some(path) = path {
            let stroke = Stroke { width, line_cap: LineCap::Round, ..Stroke::default() };
            self.pixmap.stroke_path(&path, paint, &stroke, self.now, None);
        }
    }
}

/// One colour.
pub fn plain<'a>(colour: Rgb) -> Paint<'a> {
    plain_with(colour, 255)
}

/// One colour that lets through what is below.
pub fn plain_with<'a>([red, green, blue]: Rgb, alpha: u8) -> Paint<'a> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, alpha);
    paint
}

/// From one colour at the upper left to another at the lower right of a square around the origin.
pub fn slanting<'a>(from: Rgb, to: Rgb, reach: f32) -> Paint<'a> {
    let (start, end) = (Point::from_xy(-reach, -reach), Point::from_xy(reach, reach));
    shaded(LinearGradient::new(start, end, stops(from, to), SpreadMode::Pad, Transform::identity()), from)
}

/// From one colour in the middle of a circle to another at its edge.
pub fn glowing<'a>(from: Rgb, to: Rgb, (x, y): (f32, f32), radius: f32) -> Paint<'a> {
    let middle = Point::from_xy(x, y);
    let glow = RadialGradient::new(
        middle,
        0.0,
        middle,
        radius,
        stops(from, to),
        SpreadMode::Pad,
        Transform::identity(),
    );
    shaded(glow, from)
}

fn stops(from: Rgb, to: Rgb) -> Vec<GradientStop> {
    let colour = |[red, green, blue]: Rgb| Color::from_rgba8(red, green, blue, 255);
    vec![GradientStop::new(0.0, colour(from)), GradientStop::new(1.0, colour(to))]
}

fn shaded<'a>(shader: Option<Shader<'a>>, otherwise: Rgb) -> Paint<'a> {
    match shader {
        Some(shader) => Paint { shader, anti_alias: true, ..Paint::default() },
        None => plain(otherwise),
    }
}

/// A lighter or darker colour: 1 is the same.
pub fn shade(colour: Rgb, factor: f32) -> Rgb {
    colour.map(|part| byte(f32::from(part) * factor))
}

/// A value from 0 to 255.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a byte holds")]
pub fn byte(value: f32) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

#[expect(clippy::cast_precision_loss, reason = "sides are a few thousand pixels")]
pub const fn side(px: u32) -> f32 {
    px as f32
}
