//! The manifest's names, shapes and types against those that a weights file announces.

use super::manifest::Network;
use crate::decode::{Dtype, Input, Layout};

/// An input or output as the file announces it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) name: String,
    /// The element type, or the name of one that is not read here.
    pub(super) dtype: Result<Dtype, String>,
    /// The length of each axis, −1 where any is accepted.
    pub(super) shape: Vec<i64>,
}

/// The shape of an input with `count` images.
pub(super) fn of_input(input: &Input, count: usize) -> [usize; 4] {
    let (width, height) = (input.width as usize, input.height as usize);
    match input.layout {
        Layout::Nchw => [count, 3, height, width],
        Layout::Nhwc => [count, height, width, 3],
    }
}

/// Compares; on success says whether the output's elements are bytes.
///
/// # Errors
/// A sentence with the file's value and the manifest's, and all that the file announces: whoever corrects one
/// entry sees the others.
pub(super) fn check(network: &Network, inputs: &[Found], outputs: &[Found]) -> Result<bool, String> {
    compare(network, inputs, outputs).map_err(|problem| {
        format!("{problem} (the file announces input {}; output {})", announced(inputs), announced(outputs))
    })
}

fn compare(network: &Network, inputs: &[Found], outputs: &[Found]) -> Result<bool, String> {
    check_input(&network.input, inputs)?;
    let output = named("output", &network.output.tensor, outputs)?;
    let classes = network.output.classes;
    if !holds(&output.shape, network.input.batch, Some(classes)) {
        return Err(format!(
            "output {} has shape {}, which is not {classes} classes for each image of the batch",
            output.name,
            shown(&output.shape)
        ));
    }
    if let Some(name) = &network.output.features {
        let features = named("output", name, outputs)?;
        readable(features)?;
        if !holds(&features.shape, network.input.batch, None) {
            return Err(format!(
                "output {name} has shape {}, which has no batch axis",
                shown(&features.shape)
            ));
        }
    }
    readable(output).map(|dtype| dtype == Dtype::U8)
}

fn check_input(input: &Input, inputs: &[Found]) -> Result<(), String> {
    let found = named("input", &input.tensor, inputs)?;
    if inputs.len() > 1 {
        return Err(format!("it wants {} inputs ({}), only one is supported", inputs.len(), names(inputs)));
    }
    let dtype = readable(found)?;
    if dtype != input.dtype {
        return Err(format!(
            "input {} is of type {}, the manifest says {}",
            found.name,
            text(dtype),
            text(input.dtype)
        ));
    }
    let wanted = of_input(input, 1);
    let sides_agree = found.shape.len() == 4
        && found.shape.iter().zip(wanted).skip(1).all(|(found, wanted)| *found == -1 || fits(*found, wanted));
    if !sides_agree {
        return Err(format!(
            "input {} has shape {}, the manifest says {} after the batch axis",
            found.name,
            shown(&found.shape),
            shown(&wanted.map(|side| i64::try_from(side).unwrap_or(i64::MAX))[1..])
        ));
    }
    match (found.shape[0], input.batch) {
        (-1, _) => Ok(()),
        (fixed, Some(batch)) if fits(fixed, batch) => Ok(()),
        (fixed, Some(batch)) => {
            Err(format!("the file fixes the batch at {fixed}, the manifest says {batch}"))
        }
        (fixed, None) => Err(format!("the file fixes the batch: write batch = {fixed} into [input]")),
    }
}

/// Whether an output of this shape gives `each` values (any number where `None`) per image.
fn holds(shape: &[i64], batch: Option<usize>, each: Option<usize>) -> bool {
    let Some((first, rest)) = shape.split_first() else { return false };
    let batch_agrees = *first == -1 || batch.is_none() || batch.is_some_and(|batch| fits(*first, batch));
    let product = rest.iter().product::<i64>();
    batch_agrees && (rest.contains(&-1) || each.is_none_or(|each| !rest.is_empty() && fits(product, each)))
}

fn fits(found: i64, wanted: usize) -> bool {
    usize::try_from(found) == Ok(wanted)
}

fn named<'a>(what: &str, name: &str, outlets: &'a [Found]) -> Result<&'a Found, String> {
    outlets
        .iter()
        .find(|outlet| outlet.name == name)
        .ok_or_else(|| format!("the file has no {what} {name}, it has {}", names(outlets)))
}

fn readable(outlet: &Found) -> Result<Dtype, String> {
    outlet
        .dtype
        .clone()
        .map_err(|other| format!("{} is of type {other}; f32 and u8 are supported", outlet.name))
}

const fn text(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "f32",
        Dtype::U8 => "u8",
    }
}

fn names(outlets: &[Found]) -> String {
    outlets.iter().map(|outlet| outlet.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Names, types and shapes.
fn announced(outlets: &[Found]) -> String {
    let one = |outlet: &Found| {
        let dtype = outlet.dtype.as_ref().map_or_else(String::as_str, |dtype| text(*dtype));
        format!("{} {dtype} {}", outlet.name, shown(&outlet.shape))
    };
    outlets.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn shown(shape: &[i64]) -> String {
    let side = |side: &i64| if *side == -1 { "any".to_owned() } else { side.to_string() };
    shape.iter().map(side).collect::<Vec<_>>().join("×")
}
