//! From TOML to a checked [`Manifest`].

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;

use super::{
    DefaultThreshold, Fault, Golden, Kind, Manifest, Member, Network, Output, Question, check, syntax,
};
use crate::{
    decode::Input,
    domain::{ContentHash, Task, Threshold},
};

/// Manifests and labels are short texts; what is longer is another file.
pub(super) const MOST_BYTES: u64 = 1024 * 1024;

/// The file as it is written, before the parts are known to fit together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    task: Task,
    #[serde(default)]
    default: bool,
    title: Option<String>,
    license: Option<String>,
    source: Option<String>,
    accept: Option<String>,
    question: Option<Question>,
    file: Option<PathBuf>,
    sha256: Option<ContentHash>,
    bytes: Option<u64>,
    urls: Option<Vec<String>>,
    base: Option<String>,
    head: Option<PathBuf>,
    members: Option<Vec<Member>>,
    input: Option<Input>,
    output: Option<Output>,
    threshold: Option<DefaultThreshold>,
    golden: Option<Golden>,
}

pub(super) fn read(path: &Path) -> Result<Manifest, Fault> {
    let text = text(path).map_err(|error| Fault::new("", format!("the manifest cannot be read: {error}")))?;
    let raw: Raw = toml::from_str(&text).map_err(|error| syntax::fault(&text, &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    complete(raw, super::name(path), path, folder)
}

fn text(path: &Path) -> io::Result<String> {
    let file = fs::metadata(path)?;
    // A pipe would be waited for.
    if !file.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if file.len() > MOST_BYTES {
        return Err(io::Error::other(format!(
            "it has {} bytes, and at most {MOST_BYTES} are read",
            file.len()
        )));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is no text in UTF-8"))
}

fn complete(mut raw: Raw, name: String, path: &Path, folder: &Path) -> Result<Manifest, Fault> {
    let kind = kind(&mut raw, folder)?;
    match &kind {
        Kind::Network(network) => check::network(raw.task, network)?,
        Kind::Ensemble(members) => check::members(&name, members)?,
        Kind::Head { .. } => {}
    }
    let of_watch = [("[threshold]", raw.threshold.is_some()), ("question", raw.question.is_some())];
    if let Some((place, _)) = of_watch.iter().find(|(_, is_given)| raw.task == Task::Quality && *is_given) {
        return Err(Fault::new(place, "belongs to watch models only: remove it"));
    }
    let mut golden = raw.golden.unwrap_or_default();
    check::golden(raw.task, &golden)?;
    golden.image = golden.image.map(|image| folder.join(image));
    Ok(Manifest {
        task: raw.task,
        default: raw.default,
        title: raw.title.unwrap_or_else(|| name.clone()),
        license: raw.license,
        source: raw.source,
        accept: raw.accept,
        question: raw.question.unwrap_or_default(),
        kind,
        threshold: raw.threshold.map_or_else(unmeasured, Ok)?,
        golden,
        path: path.to_owned(),
        name,
    })
}

/// Where a manifest names no threshold: the middle, which nobody measured.
fn unmeasured() -> Result<DefaultThreshold, Fault> {
    let value = Threshold::new(0.5).map_err(|error| Fault::new("[threshold]", error.to_string()))?;
    Ok(DefaultThreshold { value, measured_on: None })
}

fn kind(raw: &mut Raw, folder: &Path) -> Result<Kind, Fault> {
    match (raw.file.take(), raw.base.take(), raw.head.take(), raw.members.take()) {
        (Some(file), None, None, None) => {
            network(raw, folder, &file).map(|network| Kind::Network(Box::new(network)))
        }
        (None, Some(base), Some(head), None) => {
            without_network(raw, "a head has none of its own")?;
            Ok(Kind::Head { base, head: beside("head", folder, &head)? })
        }
        (None, None, None, Some(members)) => {
            without_network(raw, "an ensemble has none of its own")?;
            Ok(Kind::Ensemble(members))
        }
        (None, None, None, None) => Err(Fault::new(
            "",
            "nothing says where its numbers come from: give `file`, `base` with `head`, or `members`",
        )),
        _ => Err(Fault::new("", "give exactly one of `file`, `base` with `head`, or `members`")),
    }
}

/// Refuses what describes a network where there is none: it would have no effect.
fn without_network(raw: &Raw, why: &str) -> Result<(), Fault> {
    let of_a_network = [
        ("sha256", raw.sha256.is_some()),
        ("bytes", raw.bytes.is_some()),
        ("urls", raw.urls.is_some()),
        ("[input]", raw.input.is_some()),
        ("[output]", raw.output.is_some()),
    ];
    match of_a_network.iter().find(|(_, is_given)| *is_given) {
        Some((place, _)) => Err(Fault::new(place, format!("belongs to a network, and {why}: remove it"))),
        None => Ok(()),
    }
}

/// Where weights lie: in the manifest's folder or below it. Manifests are passed on, and whoever fetches the weights of one has a file of
/// somebody else's written there: never over a manifest, labels or anything else than weights.
fn beside(key: &str, folder: &Path, file: &Path) -> Result<PathBuf, Fault> {
    let stays = file.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let problem = if !stays || file.file_name().is_none() {
        "is no file of the manifest's folder: put the weights there and give their name, without / at its beginning and without .."
    } else if file.extension().is_none_or(|extension| extension != "onnx") {
        "is no ONNX file: the name of weights ends in .onnx"
    } else {
        return Ok(folder.join(file));
    };
    Err(Fault::new(key, format!("{} {problem}", file.display())))
}

fn network(raw: &mut Raw, folder: &Path, file: &Path) -> Result<Network, Fault> {
    let missing = |key: &str, way_out: &str| Fault::new(key, format!("is missing: {way_out}"));
    let output = raw.output.take().ok_or_else(|| missing("[output]", "say how the file's output is read"))?;
    check::classes(&output)?;
    Ok(Network {
        file: beside("file", folder, file)?,
        sha256: raw.sha256.ok_or_else(|| missing("sha256", "write what `sha256sum` prints for the file"))?,
        bytes: raw.bytes.ok_or_else(|| missing("bytes", "write the file's size (`stat -c %s`)"))?,
        urls: raw.urls.take().unwrap_or_default(),
        input: raw.input.take().ok_or_else(|| missing("[input]", "say what the network is given"))?,
        labels: labels(&output, folder)?,
        output,
    })
}

/// The first name of each class; ImageNet's lists give several, separated by commas.
fn labels(output: &Output, folder: &Path) -> Result<Vec<String>, Fault> {
    let Some(file) = &output.labels else {
        return Ok((0..output.classes).map(|index| format!("class {index}")).collect());
    };
    let file = folder.join(file);
    let text = text(&file).map_err(|error| {
        Fault::new("[output] labels", format!("{} cannot be read: {error}", file.display()))
    })?;
    let first_name = |line: &str| line.split(',').next().unwrap_or_default().trim().to_owned();
    Ok(text.lines().map(first_name).collect())
}
