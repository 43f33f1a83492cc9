// SPDX-License-Identifier: MPL-2.0
//! A client's connection, from which no more is read than it may say.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use smol::{
    Timer,
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::allowance::Allowance;

/// So much of one connection is read before it is another one's turn.
const TURN: usize = 16 * 1024;

pub struct Traffic {
    tcp: TcpStream,
    allowance: Allowance,
    /// While it owes something.
    pause: Option<Timer>,
    turn: usize,
}

impl Traffic {
    pub fn new(tcp: TcpStream, allowance: Allowance) -> Self {
        Self {
            tcp,
            allowance,
            pause: None,
            turn: 0,
        }
    }

    fn poll_allowance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(Pin::new(pause).poll(cx));
                self.pause = None;
            }
            let debt = self.allowance.debt();
            if debt.is_zero() {
                return Poll::Ready(());
            }
            self.pause = Some(Timer::after(debt));
        }
    }
}

impl AsyncRead for Traffic {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_allowance(cx));
        if self.turn >= TURN {
            // A client that always has something to say would keep the thread to itself.
            self.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(&mut self.tcp).poll_read(cx, buffer) {
            Poll::Ready(Ok(read)) => {
                self.turn += read;
                self.allowance.charge(0, read);
                Poll::Ready(Ok(read))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.turn = 0;
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Traffic {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_close(cx)
    }
}
