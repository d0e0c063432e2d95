//! The reference numbers of SciPy, sureal and krippendorff, and properties that hold for any votes.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use proptest::prelude::*;

use super::*;
use crate::{domain::Distribution, statistics::Sampling};

fn shared(path: &str) -> Option<String> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden")).join(path);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        // Past the capture of tests' output, so that it is seen.
        writeln!(io::stderr(), "SKIPPED: {} is not there", path.display()).unwrap();
    }
    text
}

fn near(found: f64, expected: &serde_json::Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
}

fn ava() -> Option<(Vec<Pair>, serde_json::Value)> {
    let (table, expected) = (shared("ava_pairs.csv")?, shared("ava_pairs.json")?);
    let pair = |row: csv::StringRecord| Pair {
        votes: VoteCounts::new(std::array::from_fn(|at| row[at + 1].parse().unwrap())).unwrap(),
        model: Distribution::new(std::array::from_fn(|at| row[at + 11].parse().unwrap())).unwrap(),
        group: None,
    };
    let pairs = csv::Reader::from_reader(table.as_bytes()).records().map(|row| pair(row.unwrap())).collect();
    Some((pairs, serde_json::from_str(&expected).unwrap()))
}

#[test]
fn the_figures_are_those_of_scipy() {
    let Some((pairs, expected)) = ava() else { return };
    let comparison = compare(&pairs, Sampling { draws: 50, seed: 1 });
    assert_eq!(comparison.n as u64, expected["n"].as_u64().unwrap());
    let figures = serde_json::to_value(comparison.figures).unwrap();
    let intervals = serde_json::to_value(comparison.intervals).unwrap();
    for (name, figure) in figures.as_object().unwrap() {
        let figure = figure.as_f64().unwrap();
        near(figure, &expected[name], 1e-9);
        let [low, high] = ["low", "high"].map(|end| intervals[name][end].as_f64().unwrap());
        assert!((low..=high).contains(&figure), "{name}: {figure} outside {low} to {high}");
    }
    let first = &expected["first"];
    let gap = gaps(&pairs, &Pool::of(pairs.iter().map(|pair| &pair.votes)))[0];
    near(gap.human_mean, &first["human_mean"], 1e-9);
    near(gap.human_std, &first["human_std"], 1e-9);
    near(gap.model_mean, &first["model_mean"], 1e-9);
    near(gap.model_std, &first["model_std"], 1e-9);
    near(gap.emd_r1, &first["emd_r1"], 1e-9);
    near(gap.emd_r2, &first["emd_r2"], 1e-9);
}

#[test]
fn two_hundred_votes_an_image_leave_little_noise() {
    let Some((pairs, _)) = ava() else { return };
    let votes: Vec<_> = pairs.iter().map(|pair| pair.votes).collect();
    let ceiling = noise_ceiling(&votes, Sampling { draws: 100, seed: 1 }).unwrap();
    assert!(ceiling.ranks.model > 0.98 && ceiling.ranks.model < 1.0, "{ceiling:?}");
    assert!(ceiling.linear.reliability > ceiling.linear.half, "{ceiling:?}");
}

fn matrix(name: &str) -> Option<(Ratings, serde_json::Value)> {
    let (table, expected) = (shared(&format!("{name}.csv"))?, shared(&format!("{name}.json"))?);
    let mut ratings = Vec::new();
    for (image, line) in table.lines().enumerate() {
        for (annotator, cell) in line.split(',').enumerate().filter(|(_, cell)| *cell != "nan") {
            let (image, annotator) = (image as u32, annotator as u32);
            ratings.push(Rating { image, annotator, score: cell.parse().unwrap() });
        }
    }
    Some((Ratings::new(ratings).unwrap(), serde_json::from_str(&expected).unwrap()))
}

#[test]
fn scores_bias_and_inconsistency_are_those_of_sureal() {
    for name in ["p910_sample_data", "p910_small_sample_data"] {
        let Some((ratings, expected)) = matrix(name) else { return };
        let mos = p910(&ratings, Floor::NONE);
        assert!(mos.converged, "{name}: {} iterations", mos.iterations);
        let [scores, errors, plain] =
            ["mos_j", "sos_j", "mos_plain"].map(|key| expected[key].as_array().unwrap());
        assert_eq!(mos.images.len(), scores.len());
        for (at, image) in mos.images.iter().map(|image| image.unwrap()).enumerate() {
            near(image.score, &scores[at], 1e-6);
            near(image.standard_error.unwrap(), &errors[at], 1e-6);
            near(image.plain, &plain[at], 1e-9);
        }
        let [bias, inconsistency] =
            ["bias_i", "inconsistency_i"].map(|key| expected[key].as_array().unwrap());
        assert_eq!(mos.raters.len(), bias.len());
        for (at, rater) in mos.raters.iter().map(|rater| rater.unwrap()).enumerate() {
            near(rater.bias, &bias[at], 1e-6);
            near(rater.inconsistency, &inconsistency[at], 1e-6);
        }
    }
}

#[test]
fn alpha_is_that_of_the_reference() {
    for name in ["p910_sample_data", "p910_small_sample_data"] {
        let Some((ratings, expected)) = matrix(name) else { return };
        let coincidences = Coincidences::of(&ratings);
        let expected = &expected["krippendorff_alpha"];
        near(coincidences.alpha(Level::Nominal).unwrap(), &expected["nominal"], 1e-6);
        near(coincidences.alpha(Level::Ordinal).unwrap(), &expected["ordinal"], 1e-6);
        near(coincidences.alpha(Level::Interval).unwrap(), &expected["interval"], 1e-6);
    }
}

fn rating(image: u32, annotator: u32, score: u32) -> Rating {
    Rating { image, annotator, score: f64::from(score) }
}

#[test]
fn a_rater_of_few_votes_cannot_decide_a_score() {
    // Twenty steady raters, and one who voted once: without the floor that one vote would weigh 10⁸.
    let mut ratings: Vec<_> = (0..30)
        .flat_map(|image| {
            (0..20).map(move |rater| rating(image, rater, 4 + image % 3 + (image * 31 + rater * 17) % 7 / 3))
        })
        .collect();
    ratings.push(rating(0, 20, 10));
    let ratings = Ratings::new(ratings).unwrap();
    let floored = p910(&ratings, Floor::PRODUCT);
    let image = floored.images[0].unwrap();
    assert!((image.score - 4.7).abs() < 0.15, "{image:?}");
    let rater = floored.raters[20].unwrap();
    assert!(rater.is_pooled && !floored.raters[0].unwrap().is_pooled);
    assert!(rater.inconsistency > 0.3 && rater.bias > 4.0, "{rater:?}");
}

/// Three raters of the same scatter, 1.2 points, on `images` images, and one lone vote on each of as many others.
fn equally_noisy(images: u32, raters: u32, seed: u64) -> Ratings {
    let mut rng = Sampling { draws: 1, seed }.rng(0);
    let mut noise = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let mut ratings = vec![];
    for image in 0..2 * images {
        let truth = 5.5 + 1.2 * noise();
        let who = if image < images { 0..raters } else { image % raters..image % raters + 1 };
        for annotator in who {
            let score = (truth + 1.2 * noise()).round().clamp(1.0, 10.0);
            ratings.push(Rating { image, annotator, score });
        }
    }
    Ratings::new(ratings).unwrap()
}

#[test]
fn of_three_raters_who_scatter_alike_none_becomes_the_scores() {
    let (mut led, mut abstained) = (0, 0);
    for seed in 0..40 {
        let ratings = equally_noisy(80, 3, seed);
        // The recommendation's formulas run towards one of them, and it is seen.
        let bare = p910(&ratings, Floor::NONE);
        led += usize::from(matches!(bare.doubt, Some(Doubt::Led(_))));
        let mos = p910(&ratings, Floor::PRODUCT);
        abstained += usize::from(mos.doubt.is_some());
        for rater in mos.raters.iter().flatten() {
            assert!((0.6..1.8).contains(&rater.inconsistency), "seed {seed}: {rater:?}");
        }
    }
    assert!(led > 30, "the bare formulas ran towards one rater in {led} of 40 catalogs");
    assert!(abstained < 3, "abstained in {abstained} of 40");
}

#[test]
fn whose_votes_really_scatter_more_is_found_and_weighs_less() {
    let mut ratings = vec![];
    let mut rng = Sampling { draws: 1, seed: 7 }.rng(0);
    for image in 0..120 {
        let truth: f64 = 3.0 + 4.0 * rng.random::<f64>();
        for (annotator, scatter) in [0.5, 0.5, 3.0].into_iter().enumerate() {
            let noise = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            ratings.push(Rating { image, annotator: annotator as u32, score: truth + scatter * noise });
        }
    }
    let mos = p910(&Ratings::new(ratings).unwrap(), Floor::PRODUCT);
    let found: Vec<f64> = mos.raters.iter().flatten().map(|rater| rater.inconsistency).collect();
    assert_eq!(mos.doubt, None);
    assert!((0.3..0.7).contains(&found[0]) && (0.3..0.7).contains(&found[1]), "{found:?}");
    assert!((2.5..3.5).contains(&found[2]), "{found:?}");
}

#[test]
fn of_two_raters_nobody_can_say_whose_votes_scatter() {
    let ratings = equally_noisy(80, 2, 3);
    assert_eq!(p910(&ratings, Floor::NONE).doubt, Some(Doubt::TwoRaters));
    let mos = p910(&ratings, Floor::PRODUCT);
    assert_eq!(mos.doubt, Some(Doubt::TwoRaters));
    let [one, other] = [0, 1].map(|at| mos.raters[at].unwrap());
    assert!(one.is_pooled && other.is_pooled);
    assert!((one.inconsistency - 1.2).abs() < 0.25, "{one:?}");
}

#[test]
fn where_one_rater_looks_perfect_by_chance_everybody_weighs_the_same() {
    // The first votes the mean of the two others: no finite catalog tells that from a rater without error.
    let ratings: Vec<_> = (0..40_u32)
        .flat_map(|image| {
            let (truth, gap) = (5 + image % 3, image % 4);
            [rating(image, 0, truth), rating(image, 1, truth + gap), rating(image, 2, truth - gap)]
        })
        .collect();
    let mos = p910(&Ratings::new(ratings).unwrap(), Floor::PRODUCT);
    assert_eq!(mos.doubt, Some(Doubt::Led(0)));
    assert!(mos.raters.iter().flatten().all(|rater| rater.is_pooled));
    assert!(mos.doubt.unwrap().in_words(|_| "anna".to_owned()).contains("ran towards anna"));
}

#[test]
fn below_three_votes_there_is_no_standard_error_and_without_votes_no_score() {
    let ratings = Ratings::new(vec![
        rating(0, 0, 3),
        rating(0, 1, 4),
        rating(2, 0, 5),
        rating(2, 1, 7),
        rating(2, 3, 6),
    ]);
    let mos = p910(&ratings.unwrap(), Floor::PRODUCT);
    assert_eq!(mos.images[0].unwrap().standard_error, None);
    assert!(mos.images[1].is_none() && mos.raters[2].is_none());
    assert!(mos.images[2].unwrap().standard_error.is_some());
}

#[test]
fn votes_that_cannot_be_used_are_refused_in_words() {
    let twice = Ratings::new(vec![rating(1, 2, 3), rating(0, 0, 1), rating(1, 2, 4)]).unwrap_err();
    assert_eq!(twice, RatingsError::Twice { image: 1, annotator: 2 });
    let none = Ratings::new(vec![Rating { image: 0, annotator: 0, score: f64::NAN }]).unwrap_err();
    assert!(none.to_string().contains("no score"), "{none}");
}

#[test]
fn where_nobody_can_disagree_there_is_no_alpha() {
    let alpha = |ratings| Coincidences::of(&Ratings::new(ratings).unwrap()).alpha(Level::Nominal);
    assert_eq!(alpha(vec![]), None);
    assert_eq!(alpha(vec![rating(0, 0, 1), rating(1, 1, 2)]), None);
    assert_eq!(alpha(vec![rating(0, 0, 1), rating(0, 1, 1)]), None);
    assert_eq!(alpha(vec![rating(0, 0, 1), rating(0, 1, 1), rating(1, 0, 0), rating(1, 1, 0)]), Some(1.0));
}

proptest! {
    #[test]
    fn who_is_called_what_does_not_matter(
        table in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.7, 1..=10_u32), 6), 2..12),
        names in Just((0..6_u32).collect::<Vec<_>>()).prop_shuffle(),
        floor in prop::bool::ANY,
    ) {
        let ratings = |name: &dyn Fn(u32) -> u32| {
            let rows = table.iter().enumerate();
            let all = rows.flat_map(|(image, row)| row.iter().enumerate().filter_map(move |(rater, score)| {
                score.map(|score| (image as u32, rater as u32, score))
            }));
            Ratings::new(all.map(|(image, rater, score)| rating(image, name(rater), score)).collect()).unwrap()
        };
        let (plain, renamed) = (ratings(&|rater| rater), ratings(&|rater| names[rater as usize]));
        let floor = if floor { Floor::PRODUCT } else { Floor { votes_per_rater: 3, ..Floor::NONE } };
        let (a, b) = (p910(&plain, floor), p910(&renamed, floor));
        // Where it has not come to rest, rounding may have led elsewhere.
        prop_assume!(a.converged && b.converged);
        for (a, b) in a.images.iter().flatten().zip(b.images.iter().flatten()) {
            prop_assert!((a.score - b.score).abs() < 1e-6, "{a:?} {b:?}");
        }
        for (rater, name) in names.iter().enumerate() {
            let (a, b) = (a.raters.get(rater).copied().flatten(), b.raters.get(*name as usize).copied().flatten());
            prop_assert_eq!(a.is_some(), b.is_some());
            if let (Some(a), Some(b)) = (a, b) {
                prop_assert!((a.bias - b.bias).abs() < 1e-6 && a.votes == b.votes);
            }
        }
        let [a, b] = [&plain, &renamed].map(|ratings| Coincidences::of(ratings).alpha(Level::Ordinal));
        prop_assert!(a.zip(b).is_none_or(|(a, b)| (a - b).abs() < 1e-9));
    }
}
