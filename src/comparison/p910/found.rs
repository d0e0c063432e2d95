//! What the estimate finds, and how far it is to be believed.

use serde::Serialize;

use super::Floor;

/// Why the inconsistencies are no finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Doubt {
    /// Only two people voted: how far they lie apart is known, not whose votes scatter.
    TwoRaters,
    /// The estimate ran towards the rater of this number, whose votes would be the scores.
    Led(usize),
}

impl Doubt {
    /// Said of it, where raters are called `name`.
    pub fn in_words(self, name: impl Fn(usize) -> String) -> String {
        match self {
            Self::TwoRaters => {
                "Two people voted: how far they lie apart can be told, not whose votes scatter \
                                 more. That takes three on the same pictures."
                    .to_owned()
            }
            Self::Led(rater) => format!(
                "The estimate ran towards {}, whose votes would be the scores: with so few votes a picture, one rater of \
                 ordinary scatter can look perfectly steady. It usually takes more people on the same pictures.",
                name(rater)
            ),
        }
    }
}

/// An image's score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ImageScore {
    /// How many voted.
    pub votes: u32,
    /// The plain mean of the votes.
    pub plain: f64,
    /// The score freed from bias, weighed by consistency.
    pub score: f64,
    /// The standard deviation of the votes' residuals over √votes; `None` below the floor.
    pub standard_error: Option<f64>,
}

/// A rater's habits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RaterScore {
    /// How many votes they gave.
    pub votes: u32,
    /// How much higher than the scores they vote, on average.
    pub bias: f64,
    /// The standard deviation of what bias and score leave of their votes.
    pub inconsistency: f64,
    /// Whether that is the pooled one, for want of votes or because the own ones are in [`Doubt`].
    pub is_pooled: bool,
}

impl RaterScore {
    /// How sure the bias is: the inconsistency over √votes; `None` below three votes.
    pub fn bias_standard_error(&self) -> Option<f64> {
        (self.votes >= Floor::PRODUCT.votes_per_image)
            .then(|| self.inconsistency / f64::from(self.votes).sqrt())
    }
}

/// The outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mos {
    /// By image number; `None` for one without votes.
    pub images: Vec<Option<ImageScore>>,
    /// By annotator number; `None` for one without votes.
    pub raters: Vec<Option<RaterScore>>,
    /// How many iterations it took.
    pub iterations: u32,
    /// Whether the scores had come to rest when it stopped.
    pub converged: bool,
    /// Why the inconsistencies are no finding. Where variances pay for scores, everybody then has the pooled one.
    pub doubt: Option<Doubt>,
}
