// SPDX-License-Identifier: MPL-2.0
//! The options.

use std::net::SocketAddr;

use clap::{Args, Parser, ValueEnum};
use clap_complete::Shell;
use vdoroom_server::{Dialect, Limits};

use super::certificate::TlsArguments;

/// A room server: lists rooms and carries handshakes, never media.
#[derive(Parser)]
#[command(name = "vdoroom-server", version)]
pub struct Arguments {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,
    /// How clients are to talk to it
    #[arg(long, value_enum, default_value_t = DialectName::Hosted)]
    pub dialect: DialectName,
    #[command(flatten)]
    pub tls: TlsArguments,
    /// Do not show the page that says who is in which room
    #[arg(long)]
    pub no_status_page: bool,
    /// Do not show the page that publishes from a browser
    #[arg(long)]
    pub no_publisher_page: bool,
    #[command(flatten)]
    pub limits: LimitArguments,
    /// Print the manual page
    #[arg(long, hide = true)]
    pub man: bool,
    /// Print the completion for a shell
    #[arg(long, value_name = "SHELL", hide = true)]
    pub completion: Option<Shell>,
}

#[derive(Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArguments {
    /// Connections at a time, those of browsers that look at the pages included
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// Connections at a time of one IPv4 address or IPv6 network (/64); behind a reverse proxy all
    /// have one address
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_per_address)]
    max_connections_per_address: usize,
    /// Rooms at a time
    #[arg(long, value_name = "N", default_value_t = Limits::default().rooms)]
    max_rooms: usize,
    /// Rooms at a time that were opened from one address
    #[arg(long, value_name = "N", default_value_t = Limits::default().rooms_per_address)]
    max_rooms_per_address: usize,
    /// Members of a room
    #[arg(long, value_name = "N", default_value_t = Limits::default().members_per_room)]
    max_members: usize,
    /// Messages a second of one connection, and to others because of them
    #[arg(long, value_name = "N", default_value_t = Limits::default().messages)]
    max_messages: u32,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum DialectName {
    /// Knows rooms and lists their members
    Hosted,
    /// Passes messages on to the members of a room
    Relay,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Hosted => Self::Hosted,
            DialectName::Relay => Self::Relay,
        }
    }
}

impl LimitArguments {
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            connections_per_address: self.max_connections_per_address,
            rooms: self.max_rooms,
            rooms_per_address: self.max_rooms_per_address,
            members_per_room: self.max_members,
            messages: self.max_messages,
        }
    }
}
