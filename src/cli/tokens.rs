//! `chronograde tokens`: tokens of the API.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use sqlx::PgPool;

use super::Context;
use crate::{
    domain::{Role, Token},
    store::tokens,
};

/// Make tokens for the API
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
        #[arg(long, default_value_t = Role::Manager)]
        role: Role,
    },
}

/// Prints a new token, and nothing else.
///
/// # Errors
/// When the name is taken, or there is no database.
#[expect(clippy::print_stdout, reason = "the token is the command's data")]
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let Command::Add { name, role } = args.command;
    let token = Token::generate(&mut rand::rng());
    let add = async |pool: &PgPool| {
        let mut conn = pool.acquire().await.context("the database does not answer")?;
        tokens::add(&mut conn, name.trim(), role, &token).await.context("the token was not stored")
    };
    if !context.with_database(add).await? {
        bail!("there is a token named {name:?} already: choose another name");
    }
    if context.json {
        println!(
            "{}",
            serde_json::json!({ "name": name.trim(), "role": role.as_str(), "token": token.reveal() })
        );
    } else {
        println!("{}", token.reveal());
    }
    Ok(ExitCode::SUCCESS)
}
