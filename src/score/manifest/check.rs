//! Whether the parts of a manifest fit together.

use std::collections::HashSet;

use url::Url;

use super::{Fault, Golden, Member, Network, Output};
use crate::{
    decode::{Dtype, Fit, Input},
    domain::{SCORES, Task},
};

/// Larger inputs are a slip of the pen: no published classifier looks at more.
const MAX_SIDE_PX: u32 = 4096;

/// No published classifier knows more; each has a label in memory.
const MAX_CLASSES: usize = 100_000;

/// A fixed batch is filled up whatever comes, so that every run pays for all of it.
const MAX_BATCH: usize = 256;

/// Pixels of a whole fixed batch: 800 MB as floats.
const MAX_BATCH_PX: u64 = 1 << 26;

pub(super) fn network(task: Task, network: &Network) -> Result<(), Fault> {
    input(&network.input)?;
    output(&network.output, network.labels.len())?;
    urls(&network.urls)?;
    match task {
        Task::Watch => positive(&network.output),
        Task::Quality => quality(&network.output),
    }
}

fn input(input: &Input) -> Result<(), Fault> {
    let Input { width, height, scale, mean, std, .. } = input;
    if ![width, height].iter().all(|side| (1..=MAX_SIDE_PX).contains(*side)) {
        return Err(Fault::new(
            "[input] width, height",
            format!("must lie between 1 and {MAX_SIDE_PX} pixels"),
        ));
    }
    batch(input)?;
    fit(input)?;
    if !std.iter().chain([scale]).all(|value| value.is_finite() && *value != 0.0) {
        return Err(Fault::new("[input] scale, std", "must be finite and not 0"));
    }
    if !mean.iter().all(|value| value.is_finite()) {
        return Err(Fault::new("[input] mean", "must be finite"));
    }
    let as_they_are = (*scale, *mean, *std) == (1.0, [0.0; 3], [1.0; 3]);
    if input.dtype == Dtype::U8 && !as_they_are {
        return Err(Fault::new(
            "[input] scale, mean, std",
            "have no meaning with dtype = \"u8\": remove them",
        ));
    }
    Ok(())
}

fn batch(input: &Input) -> Result<(), Fault> {
    let place = "[input] batch";
    match input.batch {
        Some(batch) if !(1..=MAX_BATCH).contains(&batch) => Err(Fault::new(
            place,
            format!("must be at least 1 and at most {MAX_BATCH}; leave it out where any batch is accepted"),
        )),
        Some(batch) if batch as u64 * u64::from(input.width) * u64::from(input.height) > MAX_BATCH_PX => {
            Err(Fault::new(
                place,
                format!(
                    "is too large for inputs of this size: all its pictures may have {MAX_BATCH_PX} pixels"
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn fit(input: &Input) -> Result<(), Fault> {
    let problem = match (input.fit, input.resize_shortest) {
        (Fit::Crop, None) => "is missing: fit = \"crop\" needs the shorter side".to_owned(),
        (Fit::Crop, Some(shortest)) if shortest < input.width.max(input.height) => {
            "is smaller than the cut: raise it to width or height".to_owned()
        }
        (Fit::Crop, Some(shortest)) if shortest > MAX_SIDE_PX => {
            format!("must be at most {MAX_SIDE_PX} pixels")
        }
        (Fit::Squash, Some(_)) => "has no meaning with fit = \"squash\": remove it".to_owned(),
        _ => return Ok(()),
    };
    Err(Fault::new("[input] resize_shortest", problem))
}

/// Asked before each class gets its label.
pub(super) fn classes(output: &Output) -> Result<(), Fault> {
    if (1..=MAX_CLASSES).contains(&output.classes) {
        return Ok(());
    }
    Err(Fault::new("[output] classes", format!("must lie between 1 and {MAX_CLASSES}")))
}

fn output(output: &Output, labels: usize) -> Result<(), Fault> {
    if output.background_offset >= output.classes {
        return Err(Fault::new("[output] background_offset", "leaves no class"));
    }
    if !(output.scale.is_finite() && output.scale > 0.0) {
        return Err(Fault::new("[output] scale", "must be finite and above 0"));
    }
    if labels != output.classes {
        let problem = format!("the file has {labels} lines, but there are {} classes", output.classes);
        return Err(Fault::new("[output] labels", problem));
    }
    if output.features.as_ref() == Some(&output.tensor) {
        return Err(Fault::new("[output] features", "must be another output than `tensor`"));
    }
    Ok(())
}

fn urls(urls: &[String]) -> Result<(), Fault> {
    let is_fetchable = |url: &&String| {
        Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
    };
    match urls.iter().find(|url| !is_fetchable(url)) {
        Some(url) => {
            Err(Fault::new("urls", format!("{url:?} is no address that begins with https:// or http://")))
        }
        None => Ok(()),
    }
}

fn positive(output: &Output) -> Result<(), Fault> {
    let place = "[output] positive";
    let classes = output.classes - output.background_offset;
    if output.positive.is_empty() {
        return Err(Fault::new(place, "is missing: name the classes that mean \"watch\""));
    }
    if let Some(class) = output.positive.iter().find(|class| **class >= classes) {
        return Err(Fault::new(
            place,
            format!("class {class} does not exist, the last one is {}", classes - 1),
        ));
    }
    let mut seen = HashSet::new();
    match output.positive.iter().find(|class| !seen.insert(**class)) {
        Some(class) => Err(Fault::new(place, format!("class {class} is named twice"))),
        None => Ok(()),
    }
}

fn quality(output: &Output) -> Result<(), Fault> {
    if output.classes != SCORES.len() || output.background_offset != 0 {
        let problem =
            "a quality model puts out ten bins, for the scores 1 to 10: classes = 10, no background";
        return Err(Fault::new("[output] classes", problem));
    }
    if output.positive.is_empty() {
        Ok(())
    } else {
        Err(Fault::new("[output] positive", "belongs to watch models only: remove it"))
    }
}

pub(super) fn members(name: &str, members: &[Member]) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for member in members {
        if !(member.weight.is_finite() && member.weight > 0.0) {
            return Err(Fault::new(
                "members",
                format!("the weight of {} must be finite and above 0", member.name),
            ));
        }
        if member.name == name {
            return Err(Fault::new("members", format!("{name} is this ensemble itself: name other models")));
        }
        if !seen.insert(&member.name) {
            return Err(Fault::new(
                "members",
                format!("{} is named twice: name it once, with a larger `weight`", member.name),
            ));
        }
    }
    if members.is_empty() { Err(Fault::new("members", "is empty: name at least one model")) } else { Ok(()) }
}

pub(super) fn golden(task: Task, golden: &Golden) -> Result<(), Fault> {
    let (what, least, most) = match task {
        Task::Watch => ("a confidence", 0.0, 1.0),
        Task::Quality => ("a mean of scores", SCORES[0], SCORES[SCORES.len() - 1]),
    };
    if !golden.expected.is_none_or(|value| (least..=most).contains(&value)) {
        let problem = format!("is {what}: it must be finite and lie between {least} and {most}");
        return Err(Fault::new("[golden] expected", problem));
    }
    if !golden.tolerance.is_none_or(|value| value > 0.0 && value <= 1.0) {
        return Err(Fault::new("[golden] tolerance", "must be finite, above 0 and at most 1"));
    }
    Ok(())
}
