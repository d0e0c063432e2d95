//! `chronograde tokens`: tokens of the API.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Context,
    users::{print, roles, say},
};
use crate::{
    domain::{Role, Token},
    store::{
        events,
        tokens::{self, Listed},
    },
};

/// Make, list and revoke tokens of the API
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print it, once: only its hash is kept
    Add {
        /// What the token is for; a name is used once
        name: String,
        /// What its bearer may do: annotator, manager or admin
        #[arg(long, default_value_t = Role::Manager, value_parser = roles())]
        role: Role,
    },
    /// List every token that was made, with its last use; the tokens themselves are not kept
    List,
    /// Refuse a token from now on
    Revoke {
        /// Its name
        name: String,
    },
}

/// Runs `chronograde tokens`.
///
/// # Errors
/// A name is taken or unknown, or there is no database.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let work = async |pool: &PgPool| {
        let mut conn = pool.acquire().await.context("the database does not answer")?;
        act(context, &mut conn, args.command).await
    };
    print(&context.with_database(work).await?);
    Ok(ExitCode::SUCCESS)
}

/// Does the command, and answers the lines that it prints: of a new token itself, and nothing else.
async fn act(context: &Context, conn: &mut PgConnection, command: Command) -> anyhow::Result<Vec<String>> {
    match command {
        Command::Add { name, role } => {
            let (name, token) = (name.trim(), Token::generate(&mut rand::rng()));
            if !tokens::add(conn, name, role, &token).await.context("the token was not stored")? {
                bail!("there is, or was, a token named {name:?}: choose another name");
            }
            let shown = token.reveal();
            Ok(vec![if context.json {
                json!({ "name": name, "role": role.as_str(), "token": shown }).to_string()
            } else {
                shown.to_owned()
            }])
        }
        Command::List => Ok(tokens::list(conn).await?.iter().map(|token| line(context, token)).collect()),
        Command::Revoke { name } => match tokens::revoke(conn, name.trim()).await? {
            Some(true) => {
                events::record(conn, None, "token.revoke", Some(&format!("token:{}", name.trim()))).await?;
                say(&format!("the token {name:?} is refused from now on"));
                Ok(vec![])
            }
            Some(false) => {
                say(&format!("the token {name:?} was revoked before"));
                Ok(vec![])
            }
            None => {
                bail!("there is no token named {name:?}: `chronograde tokens list` tells which there are")
            }
        },
    }
}

fn line(context: &Context, token: &Listed) -> String {
    let Listed { name, role, created_at, last_used_at, revoked_at } = token;
    if context.json {
        let token = json!({ "name": name, "role": role, "created_at": created_at, "last_used_at": last_used_at,
                            "revoked_at": revoked_at });
        return token.to_string();
    }
    let state = if revoked_at.is_some() { "revoked" } else { "active" };
    let used =
        last_used_at.map_or_else(|| "never used".to_owned(), |at| at.format("used %Y-%m-%d").to_string());
    format!("{role:<10} {state:<8} made {} {used:<15} {name}", created_at.format("%Y-%m-%d"))
}
