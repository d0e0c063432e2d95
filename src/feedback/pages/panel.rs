//! What people say, on the page of an image: their votes beside the model's, and a manager's word on the label.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    comparison::{HumanScore, VoteCounts},
    domain::{AnnotatorId, ImageId},
    gallery::words,
    store::{
        human_pool,
        said::{self, Answer, Vote},
    },
};

/// What people say about one image.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Their votes.
    pub votes: Vec<Vote>,
    /// Their mean, how sure it is, and how many they are; none without votes that count.
    pub score: Option<String>,
    /// Shares of the votes that count, by score.
    pub shares: Option<[f64; 10]>,
    /// Their answers to the watch question.
    pub answers: Vec<Answer>,
    /// The verdict of whoever looks, to be taken back.
    pub mine: Option<Uuid>,
    /// What a new verdict is sent with, so that a double click is one.
    pub key: Uuid,
}

impl Panel {
    /// What people say about `image`, as `who` sees it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn read(conn: &mut PgConnection, who: AnnotatorId, image: ImageId) -> sqlx::Result<Self> {
        let votes = said::votes(conn, image).await?;
        let answers = said::answers(conn, image).await?;
        let counts = counts(votes.iter().filter(|vote| vote.counts).map(|vote| vote.score));
        let score = match &counts {
            Some(counts) => Some(in_words(&HumanScore::of(counts, &human_pool::read(conn).await?))),
            None => None,
        };
        let mine = answers.iter().find(|answer| answer.is_verdict && answer.annotator == who);
        Ok(Self {
            score,
            shares: counts.map(|counts| counts.shares()),
            mine: mine.map(|answer| answer.key),
            votes,
            answers,
            key: Uuid::new_v4(),
        })
    }
}

fn counts(scores: impl IntoIterator<Item = i16>) -> Option<VoteCounts> {
    let mut counts = [0_u32; 10];
    for score in scores {
        if let Some(count) = usize::try_from(score - 1).ok().and_then(|bin| counts.get_mut(bin)) {
            *count += 1;
        }
    }
    VoteCounts::new(counts).ok()
}

fn in_words(score: &HumanScore) -> String {
    let votes = words::counted(score.n.into(), "vote", "votes");
    match score.interval {
        Some(interval) => {
            format!(
                "{:.2} by {votes}, with 95 % between {:.1} and {:.1}",
                score.mean, interval.low, interval.high
            )
        }
        None => format!("{:.2} by {votes}: too few to say how sure that is", score.mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Pool;

    #[test]
    fn a_mean_says_how_sure_it_is() {
        let sentence = |scores: &[i16]| {
            let counts = counts(scores.iter().copied()).unwrap();
            in_words(&HumanScore::of(&counts, &Pool::of([&counts])))
        };
        assert_eq!(sentence(&[7]), "7.00 by 1 vote: too few to say how sure that is");
        assert!(
            sentence(&[5, 6, 7]).starts_with("6.00 by 3 votes, with 95 % between 4."),
            "{}",
            sentence(&[5, 6, 7])
        );
        assert!(counts([]).is_none());
    }
}
