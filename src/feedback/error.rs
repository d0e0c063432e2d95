//! Why a round or a judgement was not taken.

use crate::domain::Question;

/// What people are told who plan rounds or judge.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    /// There is no such round.
    #[error("There is no such round.")]
    NoRound,
    /// There is no such image.
    #[error("There is no such image.")]
    NoImage,
    /// A plan has a mistake; the sentence says which.
    #[error("{0}")]
    Plan(String),
    /// The image was never handed to this annotator in this round.
    #[error("This picture was not handed to you in this round. Reload the page.")]
    NotServed,
    /// The answer does not fit what the round asks.
    #[error("This round asks for {}.", asked(*.quality, *.question))]
    WrongAnswer {
        /// Whether it asks for a score.
        quality: bool,
        /// What else it asks.
        question: Option<Question>,
    },
    /// The round is closed, and what was said in it stays.
    #[error("The round is closed: what you said in it cannot be changed any more.")]
    Closed,
    /// The database refused.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

fn asked(quality: bool, question: Option<Question>) -> &'static str {
    match (quality, question) {
        (true, None) => "a score from 1 to 10",
        (true, Some(_)) => "a score from 1 to 10 and whether there is a watch",
        (false, _) => "whether there is a watch",
    }
}
