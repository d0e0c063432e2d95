//! The figures of the comparison, and what they mean, in words.

use crate::{
    comparison::{Agreement, Comparison, Gap, NoiseCeiling},
    gallery::words,
    learning::figures,
    statistics::Interval,
};

/// One figure, for somebody who never met it.
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    /// Its value with its interval.
    pub value: String,
    /// What it says.
    pub meaning: &'static str,
}

/// The twelve figures with their intervals.
pub fn rows(figures: &Agreement<Option<f64>>, intervals: &Agreement<Option<Interval>>) -> Vec<Row> {
    let row = |name, meaning, of: fn(&Agreement<Option<f64>>) -> Option<f64>, sure: Option<Interval>| {
        let value = of(figures).map_or_else(|| "undefined".to_owned(), |value| figures::apart(value, sure));
        Row { name, value, meaning }
    };
    let sure = intervals;
    vec![
        row(
            "Rank correlation (SRCC)",
            "Does the model order the images as people do? 1 is the same order, 0 no relation.",
            |of| of.srcc,
            sure.srcc,
        ),
        row(
            "Linear correlation (PLCC)",
            "How nearly the two means lie on one line: 1 is exactly, 0 not at all.",
            |of| of.plcc,
            sure.plcc,
        ),
        row(
            "Pairs in order (KRCC, τ-b)",
            "Of two images, how much more often both agree which one is better than not.",
            |of| of.krcc_tau_b,
            sure.krcc_tau_b,
        ),
        row(
            "Root mean squared error (RMSE)",
            "Typical distance of the two means in points, where large misses count more.",
            |of| of.rmse,
            sure.rmse,
        ),
        row("Mean absolute error (MAE)", "Mean distance of the two means, in points.", |of| of.mae, sure.mae),
        row(
            "Bias, model less people",
            "Above 0 the model is more generous than people, below 0 stricter; in points.",
            |of| of.bias_model_minus_human,
            sure.bias_model_minus_human,
        ),
        row(
            "Same side of 5",
            "Share of images that both put above 5, or both not; papers call it accuracy.",
            |of| of.accuracy_cut_5,
            sure.accuracy_cut_5,
        ),
        row(
            "Distance of distributions (EMD, r = 1)",
            "How far the ten shares lie apart, 0 being equal, 0.9 the most.",
            |of| of.emd_r1_mean,
            sure.emd_r1_mean,
        ),
        row(
            "Distance of distributions (EMD, r = 2)",
            "The same with large differences counting more: what NIMA was trained to lessen.",
            |of| of.emd_r2_mean,
            sure.emd_r2_mean,
        ),
        row(
            "Wasserstein distance",
            "How many points a vote would have to move on average.",
            |of| of.wasserstein_score_units_mean,
            sure.wasserstein_score_units_mean,
        ),
        row(
            "Spread, rank correlation",
            "Does the model know on which images people disagree?",
            |of| of.std_srcc,
            sure.std_srcc,
        ),
        row(
            "Spread, linear correlation",
            "The same on a line instead of by order.",
            |of| of.std_plcc,
            sure.std_plcc,
        ),
    ]
}

/// What people's own agreement allows a model to reach.
pub fn of_ceiling(ceiling: &NoiseCeiling, comparison: &Comparison) -> String {
    let reached =
        comparison.figures.srcc.map_or_else(String::new, |srcc| format!(" This model has {srcc:.2}."));
    format!(
        "Two random halves of the people who voted agree with each other to {:.2} (rank correlation, {} random splits). \
         Votes this noisy allow even a perfect model about {:.2}, or {:.2} for the linear correlation.{reached}",
        ceiling.ranks.half, ceiling.splits, ceiling.ranks.model, ceiling.linear.model
    )
}

/// On how many images the gap is more than chance.
pub fn of_chance(gaps: &[Gap]) -> String {
    let real = gaps.iter().filter(|gap| gap.is_more_than_chance()).count();
    let all = words::counted(words::len(gaps), "image", "images");
    match real {
        0 => format!("On none of the {all} do people and model differ by more than the luck of who voted."),
        real => format!(
            "On {real} of {all} people and model differ by more than the luck of who voted; about one in twenty of those finds \
             may still be luck."
        ),
    }
}
