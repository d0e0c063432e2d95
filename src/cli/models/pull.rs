//! `chronograde models pull`.

mod progress;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use self::progress::Progress;
use super::{check, exit, say, spinning, tell_of_refused};
use crate::{
    cli::Context,
    score::{Catalogue, Fetched, Fetcher, Manifest, Network, Patience, Weights},
};

/// Fetch the weights of models whose manifests name an address
///
/// What arrived is kept when it is interrupted, and the next pull goes on there. HTTPS_PROXY, HTTP_PROXY, NO_PROXY and
/// SSL_CERT_FILE are heeded.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The models [default: all that have an address]
    names: Vec<String>,
    /// Accept what the manifests ask to be accepted, such as a file without a licence
    #[arg(long)]
    accept_licence: bool,
}

/// What became of one model.
enum Outcome {
    Pulled(Fetched),
    AlreadyHere,
    NotAccepted,
}

/// Fetches, checks and reports each model.
pub(super) async fn run(context: &Context, catalogue: &Catalogue, args: Args) -> anyhow::Result<ExitCode> {
    ensure!(
        !context.settings.offline,
        "CHRONOGRADE_OFFLINE is set, so nothing is fetched: unset it, or bring files with `chronograde models add FILE`"
    );
    let fetcher = Fetcher::new(Patience::default())?;
    // Who asked for all is told what is not among them.
    let mut all_well = !args.names.is_empty() || tell_of_refused(context, catalogue);
    for manifest in chosen(catalogue, &args.names)? {
        // Chosen models are networks.
        let Some(network) = manifest.network() else { continue };
        let name = manifest.name.as_str();
        let outcome = match catalogue.clash_of(name) {
            Some(clash) => Err(clash.into()),
            None => pull(context, &fetcher, (manifest, network), args.accept_licence).await,
        };
        // Who asked for it by name was refused; who asked for all gets the others.
        let may_be_left = args.names.is_empty();
        all_well &= match &outcome {
            Ok(Outcome::Pulled(_) | Outcome::AlreadyHere) => true,
            Ok(Outcome::NotAccepted) => may_be_left,
            Err(_) => false,
        };
        let is_new = matches!(outcome, Ok(Outcome::Pulled(_)));
        let (line, text) = told(manifest, network, outcome);
        say(context, &line, &format!("{name}: {text}"));
        if is_new {
            all_well &= check::one(context, name).await;
        }
    }
    Ok(exit(all_well))
}

/// What became of a model, for machines and for people.
fn told(manifest: &Manifest, network: &Network, outcome: anyhow::Result<Outcome>) -> (Value, String) {
    let name = manifest.name.as_str();
    match outcome {
        Ok(Outcome::Pulled(Fetched { url, file })) => (
            json!({ "name": name, "outcome": "pulled", "file": file, "url": url }),
            format!("{} from {url}", file.display()),
        ),
        Ok(Outcome::AlreadyHere) => (
            json!({ "name": name, "outcome": "here", "file": network.file }),
            format!("{} is here already", network.file.display()),
        ),
        Ok(Outcome::NotAccepted) => {
            let terms = manifest.accept.as_deref().unwrap_or_default();
            (
                json!({ "name": name, "outcome": "not accepted", "terms": terms }),
                format!(
                    "not fetched, since {terms}. To accept that: chronograde models pull {name} --accept-licence"
                ),
            )
        }
        Err(error) => {
            (json!({ "name": name, "outcome": "failed", "problem": error.to_string() }), error.to_string())
        }
    }
}

/// The models of these names, or all that have an address.
fn chosen<'a>(catalogue: &'a Catalogue, names: &[String]) -> anyhow::Result<Vec<&'a Manifest>> {
    let has_address =
        |manifest: &&Manifest| manifest.network().is_some_and(|network| !network.urls.is_empty());
    if names.is_empty() {
        let all: Vec<_> = catalogue.manifests().iter().filter(has_address).collect();
        ensure!(!all.is_empty(), "no manifest of the models folder names an address");
        return Ok(all);
    }
    let mut chosen = Vec::new();
    for name in names {
        let manifest = catalogue.get(name)?;
        if manifest.network().is_none() {
            bail!("{name} has no weights of its own: {}", its_parts(catalogue, manifest));
        }
        chosen.push(manifest);
    }
    Ok(chosen)
}

/// What is to be pulled for a model that is made of others.
fn its_parts(catalogue: &Catalogue, manifest: &Manifest) -> String {
    match catalogue.weights_of(manifest) {
        Weights::MembersAbsent(absent) => catalogue.way_to_bring(&absent),
        Weights::Unfit(why) => why,
        _ => "it averages its members, which are all here".to_owned(),
    }
}

async fn pull(
    context: &Context,
    fetcher: &Fetcher,
    (manifest, network): (&Manifest, &Network),
    accepted: bool,
) -> anyhow::Result<Outcome> {
    let looking = async { tokio::task::block_in_place(|| Fetcher::is_there(network)) };
    if spinning(context, format!("the weights of {} are looked for", manifest.name), looking).await? {
        return Ok(Outcome::AlreadyHere);
    }
    if let Some(terms) = &manifest.accept
        && !accepted
        && !asked(&manifest.name, terms)
    {
        return Ok(Outcome::NotAccepted);
    }
    let mut progress = Progress::new(&manifest.name, network.bytes);
    let fetched = tokio::task::block_in_place(|| fetcher.fetch(network, &mut |event| progress.show(event)));
    progress.end();
    Ok(Outcome::Pulled(fetched?))
}

/// Whether somebody at a terminal accepts the terms.
fn asked(name: &str, terms: &str) -> bool {
    let (input, mut output) = (io::stdin(), io::stderr());
    if !(input.is_terminal() && output.is_terminal()) {
        return false;
    }
    let mut answer = String::new();
    let heard = write!(output, "{name}: {terms}.\nFetch it nevertheless? [y/N] ")
        .and_then(|()| output.flush())
        .and_then(|()| input.read_line(&mut answer));
    heard.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
