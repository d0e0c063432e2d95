//! What everybody's votes say together: how far people agree, and how each of them uses the scale (ITU-T P.910).

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    comparison::{Alpha, Alphas, Doubt, Floor, ImageScore, Mos, RaterScore, Rating, Ratings, alphas, p910},
    decode::GRID_PX,
    domain::ImageId,
    gallery::words,
    statistics::{Interval, Sampling},
    store::{
        labelled,
        raters::{Counted, CountedAnswer, Rater},
        viewpoint::Viewpoint,
    },
    web::{Site, error::WebError},
};

/// Images whose score moves most, on the page.
const MOVED: usize = 8;

/// One figure of agreement.
pub struct Agreement {
    /// About what people agree.
    pub about: &'static str,
    /// Alpha with its interval.
    pub alpha: String,
    /// Over how many images.
    pub images: String,
    /// What counts as a disagreement.
    pub meaning: &'static str,
}

/// How somebody uses the scale.
pub struct Habit {
    /// Who.
    pub name: String,
    /// Votes that count.
    pub votes: String,
    /// How much higher than the scores they vote, with its standard error.
    pub bias: String,
    /// How far their votes scatter besides.
    pub inconsistency: String,
    /// What is to be said about that.
    pub remark: Option<&'static str>,
}

/// An image whose score differs from its plain mean.
pub struct Moved {
    /// Its page.
    pub page: String,
    /// Its rendition.
    pub picture: String,
    /// What it is called.
    pub name: String,
    /// Plain mean and number of votes.
    pub plain: String,
    /// The score with its standard error.
    pub score: String,
}

/// All of it.
#[derive(Default)]
pub struct Habits {
    /// How far people agree; empty while no image has two votes or answers.
    pub agreements: Vec<Agreement>,
    /// How each uses the scale, the most generous first; empty while no image has two votes.
    pub habits: Vec<Habit>,
    /// Images whose score moves most.
    pub moved: Vec<Moved>,
    /// Said when the estimate did not come to rest, or is no finding.
    pub trouble: Option<String>,
}

/// Judgements with dense numbers in place of identifiers.
struct Numbered {
    ratings: Ratings,
    images: Vec<Uuid>,
    people: Vec<Uuid>,
}

impl Numbered {
    /// `None` for judgements that contradict each other, which the database keeps out.
    fn of(judgements: impl IntoIterator<Item = (Uuid, Uuid, f64)>) -> Option<Self> {
        fn number(known: &mut HashMap<Uuid, u32>, order: &mut Vec<Uuid>, id: Uuid) -> u32 {
            *known.entry(id).or_insert_with(|| {
                order.push(id);
                u32::try_from(order.len() - 1).unwrap_or(u32::MAX)
            })
        }
        let (mut known_images, mut known_people) = (HashMap::new(), HashMap::new());
        let (mut images, mut people) = (vec![], vec![]);
        let rating = |(image, annotator, score)| Rating {
            image: number(&mut known_images, &mut images, image),
            annotator: number(&mut known_people, &mut people, annotator),
            score,
        };
        let ratings = Ratings::new(judgements.into_iter().map(rating).collect()).ok()?;
        Some(Self { ratings, images, people })
    }
}

/// What the mathematics says.
struct Findings {
    votes: Alphas,
    answers: Alphas,
    mos: Mos,
}

/// Estimates agreement and habits, away from the threads that answer requests.
///
/// # Errors
/// When the database refuses, or the arithmetic was stopped.
pub async fn of(
    site: &Site,
    conn: &mut PgConnection,
    view: Option<&Viewpoint>,
    raters: &[Rater],
    (votes, answers): (Vec<Counted>, Vec<CountedAnswer>),
) -> Result<Habits, WebError> {
    let score = |vote: Counted| (vote.image, vote.annotator, f64::from(vote.score));
    let verdict = |said: CountedAnswer| (said.image, said.annotator, f64::from(u8::from(said.is_watch)));
    let votes = Numbered::of(votes.into_iter().map(score));
    let answers = Numbered::of(answers.into_iter().map(verdict));
    let (Some(votes), Some(answers)) = (votes, answers) else { return Ok(Habits::default()) };
    let Numbered { ratings, images, people } = votes;
    let findings = tokio::task::spawn_blocking(move || Findings {
        votes: alphas(&ratings, Sampling::default()),
        answers: alphas(&answers.ratings, Sampling::default()),
        mos: p910(&ratings, Floor::PRODUCT),
    });
    let Findings { votes, answers, mos } = findings.await.map_err(WebError::internal)?;
    if votes.images == 0 {
        return Ok(Habits { agreements: agreements(&votes, &answers), ..Habits::default() });
    }
    let name = |rater: usize| people.get(rater).map_or_else(String::new, |id| name(id, raters));
    Ok(Habits {
        agreements: agreements(&votes, &answers),
        habits: habits(&mos, &people, raters),
        trouble: trouble(&mos, name),
        moved: moved(site, conn, view, (&mos, &images)).await?,
    })
}

fn agreements(votes: &Alphas, answers: &Alphas) -> Vec<Agreement> {
    let quality = [
        (
            "Quality, as an order",
            votes.ordinal,
            "How many votes lie between two: the usual choice for scores.",
        ),
        ("Quality, as a scale", votes.interval, "The squared distance in points."),
        ("Quality, as names", votes.nominal, "Equal or not: 6 and 7 count as different as 1 and 10."),
    ];
    let watch = [("Watch or no watch", answers.nominal, "Equal or not, over answers that were given blind.")];
    let of = |(images, figures): (usize, Vec<(&'static str, Alpha, &'static str)>)| {
        let figures = figures.into_iter().filter(move |_| images > 0);
        figures.map(move |(about, alpha, meaning)| Agreement {
            about,
            alpha: in_words(alpha),
            images: words::count(i64::try_from(images).unwrap_or(i64::MAX)),
            meaning,
        })
    };
    [(votes.images, quality.to_vec()), (answers.images, watch.to_vec())].into_iter().flat_map(of).collect()
}

fn in_words(alpha: Alpha) -> String {
    let text = match (alpha.value, alpha.interval) {
        (Some(value), Some(Interval { low, high })) => format!("{value:.2} ({low:.2} to {high:.2})"),
        (Some(value), None) => format!("{value:.2}"),
        (None, _) => return "undefined: all said the same".to_owned(),
    };
    text.replace('-', "−")
}

fn name(id: &Uuid, raters: &[Rater]) -> String {
    let rater = raters.iter().find(|rater| rater.id.0 == *id);
    rater.map_or_else(|| "somebody".to_owned(), |rater| rater.name.clone())
}

fn habits(mos: &Mos, people: &[Uuid], raters: &[Rater]) -> Vec<Habit> {
    let scored = people.iter().zip(&mos.raters);
    let mut scored: Vec<(&Uuid, RaterScore)> =
        scored.filter_map(|(id, score)| Some((id, (*score)?))).collect();
    scored.sort_by(|(_, one), (_, other)| other.bias.total_cmp(&one.bias));
    let habit = |(id, score): (&Uuid, RaterScore)| Habit {
        name: name(id, raters),
        votes: words::count(i64::from(score.votes)),
        bias: bias(&score),
        inconsistency: format!("{:.2}", score.inconsistency),
        remark: remark(&score, mos.doubt),
    };
    scored.into_iter().map(habit).collect()
}

fn remark(score: &RaterScore, doubt: Option<Doubt>) -> Option<&'static str> {
    if score.is_pooled {
        let why = "everybody’s: fewer than 20 votes on pictures that three judged";
        return Some(if doubt.is_some() { "everybody’s" } else { why });
    }
    let is_too_steady = score.inconsistency.powi(2) < Floor::PRODUCT.least_variance;
    is_too_steady.then_some("steadier than whole points allow")
}

fn bias(score: &RaterScore) -> String {
    let bias = words::signed(score.bias);
    match score.bias_standard_error() {
        Some(error) => format!("{bias} ± {error:.2}"),
        None => bias,
    }
}

async fn moved(
    site: &Site,
    conn: &mut PgConnection,
    view: Option<&Viewpoint>,
    (mos, images): (&Mos, &[Uuid]),
) -> Result<Vec<Moved>, WebError> {
    let Some(view) = view else { return Ok(vec![]) };
    let scored = images.iter().zip(&mos.images);
    let mut scored: Vec<(Uuid, ImageScore)> = scored
        .filter_map(|(id, score)| Some((*id, (*score)?)))
        .filter(|(_, score)| score.votes > 1)
        .collect();
    let distance = |score: &ImageScore| (score.score - score.plain).abs();
    scored.sort_by(|(_, one), (_, other)| distance(other).total_cmp(&distance(one)));
    scored.truncate(MOVED);
    let scores: HashMap<Uuid, ImageScore> = scored.iter().copied().collect();
    let ids: Vec<ImageId> = scored.iter().map(|(id, _)| ImageId(*id)).collect();
    let faces = labelled::faces(conn, view, &ids).await?;
    let moved = |face: labelled::Face| {
        let score = scores.get(&face.image.0)?;
        let votes = words::counted(i64::from(score.votes), "vote", "votes");
        let error = score.standard_error.map_or_else(String::new, |error| format!(" ± {error:.2}"));
        Some(Moved {
            page: site.url(&format!("/images/{}", face.image)),
            picture: site.picture(GRID_PX, face.hash),
            name: face.filename.rsplit('/').next().unwrap_or_default().to_owned(),
            plain: format!("{:.2} from {votes}", score.plain),
            score: format!("{:.2}{error}", score.score),
        })
    };
    Ok(faces.into_iter().filter_map(moved).collect())
}

fn trouble(mos: &Mos, name: impl Fn(usize) -> String) -> Option<String> {
    if let Some(doubt) = mos.doubt {
        let words = doubt.in_words(name);
        return Some(format!("Whose votes scatter is not said here, and all weigh the same. {words}"));
    }
    (!mos.converged).then(|| {
        format!(
            "The estimate had not come to rest after {} rounds: take bias and inconsistency as rough. It usually needs more \
             people on the same images.",
            words::count(i64::from(mos.iterations))
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_that_did_not_come_to_rest_says_so() {
        let mos =
            |converged| Mos { images: vec![], raters: vec![], iterations: 1_000, converged, doubt: None };
        let trouble = |mos: &Mos| trouble(mos, |_| "anna".to_owned());
        assert!(
            trouble(&mos(false)).unwrap().starts_with("The estimate had not come to rest after 1,000 rounds")
        );
        assert_eq!(trouble(&mos(true)), None);
        let led = trouble(&Mos { doubt: Some(Doubt::Led(0)), ..mos(true) }).unwrap();
        assert!(led.contains("all weigh the same. The estimate ran towards anna"), "{led}");
    }

    #[test]
    fn below_three_votes_a_bias_has_no_standard_error() {
        let score = |votes| RaterScore { votes, bias: -0.5, inconsistency: 1.0, is_pooled: true };
        assert_eq!([score(2), score(4)].map(|score| bias(&score)), ["−0.50", "−0.50 ± 0.50"]);
    }
}
