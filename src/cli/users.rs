//! `chronograde users`: the people who may sign in.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sqlx::{PgConnection, PgPool};

use super::Context;
use crate::{
    clock::Clock,
    domain::{AnnotatorId, Role, Token},
    people::checked_name,
    store::{
        annotators::{self, Annotator, Credentials},
        components, events, links, sessions,
    },
};

/// Add, list and look after the people who may sign in
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add somebody, and print the link with which they choose a password
    Add {
        /// Name to sign in with; without regard to case a name is used once
        name: String,
        /// What they may do: annotator, manager or admin
        #[arg(long, default_value_t = Role::Annotator, value_parser = roles())]
        role: Role,
    },
    /// List everybody
    List,
    /// Sign somebody out everywhere and let them in no more; what they said stays
    Disable {
        /// Their name
        name: String,
    },
    /// Let somebody in again
    Enable {
        /// Their name
        name: String,
    },
    /// Print a link with which somebody chooses a new password
    Reset {
        /// Their name
        name: String,
    },
}

/// Reads a role; what is none is answered with the roles that there are.
pub(super) fn roles() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.as_str())).try_map(|name| name.parse::<Role>())
}

/// Says on stderr what was done; stdout is for data.
#[expect(clippy::print_stderr, reason = "what the command did, for whoever typed it")]
pub(super) fn say(line: &str) {
    eprintln!("{line}");
}

/// Prints what was asked for.
#[expect(clippy::print_stdout, reason = "the command's data")]
pub(super) fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}

/// Runs `chronograde users`.
///
/// # Errors
/// A name is taken or unknown, or there is no database.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let work = async |pool: &PgPool| {
        let mut tx = pool.begin().await.context("the database does not answer")?;
        let printed = act(context, &mut tx, args.command).await?;
        tx.commit().await?;
        Ok(printed)
    };
    print(&context.with_database(work).await?);
    Ok(ExitCode::SUCCESS)
}

/// Does the command, and answers the lines that it prints.
async fn act(context: &Context, conn: &mut PgConnection, command: Command) -> anyhow::Result<Vec<String>> {
    let now = Clock::System.now();
    match command {
        Command::Add { name, role } => {
            let name = checked_name(&name).map_err(anyhow::Error::msg)?;
            let id = AnnotatorId::new(now);
            if !annotators::add(conn, id, &name, role, None).await? {
                bail!(
                    "there is somebody called {name:?} already: `chronograde users reset` makes a new link"
                );
            }
            record(conn, "annotator.invite", id).await?;
            say(&format!(
                "{name} is added as {role}; with this link they choose a password within {} days",
                links::LIFETIME.num_days()
            ));
            Ok(vec![hand_out(context, conn, id, &name).await?])
        }
        Command::List => {
            Ok(annotators::list(conn).await?.iter().map(|somebody| line(context, somebody)).collect())
        }
        Command::Disable { name } => {
            let id = named(conn, &name).await?;
            if annotators::is_last_admin(conn, id).await? {
                bail!("{name} is the last admin: add another one first");
            }
            annotators::set_disabled(conn, id, Some(now)).await?;
            sessions::close_all(conn, id).await?;
            record(conn, "annotator.disable", id).await?;
            say(&format!("{name} is disabled and signed out everywhere; what they said stays"));
            Ok(vec![])
        }
        Command::Enable { name } => {
            let id = named(conn, &name).await?;
            annotators::set_disabled(conn, id, None).await?;
            record(conn, "annotator.enable", id).await?;
            say(&format!("{name} may sign in again"));
            Ok(vec![])
        }
        Command::Reset { name } => {
            let known = known(conn, &name).await?;
            if known.is_disabled {
                bail!(
                    "{name} is disabled, and a link would not let them in: `chronograde users enable {name}` first"
                );
            }
            record(conn, "annotator.reset", known.id).await?;
            Ok(vec![hand_out(context, conn, known.id, &name).await?])
        }
    }
}

async fn named(conn: &mut PgConnection, name: &str) -> anyhow::Result<AnnotatorId> {
    Ok(known(conn, name).await?.id)
}

async fn known(conn: &mut PgConnection, name: &str) -> anyhow::Result<Credentials> {
    annotators::credentials(conn, name.trim()).await?.with_context(|| {
        format!("there is nobody called {name:?}: `chronograde users list` tells who there is")
    })
}

async fn record(conn: &mut PgConnection, kind: &str, id: AnnotatorId) -> sqlx::Result<()> {
    events::record(conn, None, kind, Some(&format!("annotator:{id}"))).await
}

async fn hand_out(
    context: &Context,
    conn: &mut PgConnection,
    id: AnnotatorId,
    name: &str,
) -> anyhow::Result<String> {
    let token = Token::generate(&mut rand::rng());
    links::add_password(conn, &token, id, None, Clock::System.now()).await?;
    let link = format!("{}/link/{}", pages(context, conn).await?, token.reveal());
    Ok(if context.json { serde_json::json!({ "name": name, "link": link }).to_string() } else { link })
}

/// Where the pages are: as the settings say, else where the service said that it serves them.
async fn pages(context: &Context, conn: &mut PgConnection) -> sqlx::Result<String> {
    let settings = &context.settings;
    let said = if settings.names_address() { None } else { components::pages(&mut *conn).await? };
    Ok(said.map_or_else(|| settings.public_address(settings.listen), |said| said.public_address))
}

fn line(context: &Context, somebody: &Annotator) -> String {
    let Annotator { name, role, disabled_at, has_password, last_seen_at, .. } = somebody;
    if context.json {
        let person = serde_json::json!({
            "id": somebody.id, "name": name, "role": role.as_str(), "disabled_at": disabled_at,
            "excluded_at": somebody.excluded_at, "has_password": has_password, "last_seen_at": last_seen_at,
        });
        return person.to_string();
    }
    let state = match (disabled_at, has_password) {
        (Some(_), _) => "disabled",
        (None, false) => "invited",
        (None, true) => "active",
    };
    format!("{:<10} {state:<9} {name}", role.as_str())
}
