// SPDX-License-Identifier: MPL-2.0
//! Requests alone, without a room: a program's own few pages, with the limits of the room server.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    thread,
    time::Instant,
};

use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Bytes, header, service::service_fn};
use smol::LocalExecutor;

use crate::{
    connection::requests,
    limits::{Accepted, Allowance, Gate, Limits, Ticket, Traffic, next},
};

/// What is answered to a request.
pub struct Page {
    pub status: u16,
    pub kind: &'static str,
    pub text: String,
}

/// Answers requests from a thread of its own until the program ends, `answer` by the path of each.
pub fn serve(
    address: SocketAddr,
    limits: Limits,
    answer: impl Fn(&str) -> Page + Send + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let listener = smol::net::TcpListener::try_from(listener)?;
    thread::Builder::new().name("pages".into()).spawn(move || {
        let (executor, answer) = (LocalExecutor::new(), Rc::new(answer));
        let gate = Gate::new(limits);
        smol::block_on(executor.run(async {
            loop {
                let Accepted { tcp, ticket } = next(&listener, &gate).await;
                let traffic = Traffic::new(tcp, Allowance::new(&limits, Instant::now()));
                let served = connection(traffic, ticket, answer.clone());
                executor.spawn(served).detach();
            }
        }))
    })?;
    Ok(address)
}

async fn connection(io: Traffic, _ticket: Ticket, answer: Rc<impl Fn(&str) -> Page>) {
    let service = service_fn(|request: Request<_>| {
        let response = respond(request.method(), request.uri().path(), &*answer);
        async move { Ok::<_, Infallible>(response) }
    });
    requests(io, service).await;
}

fn respond(method: &Method, path: &str, answer: &impl Fn(&str) -> Page) -> Response<Full<Bytes>> {
    let page = match *method {
        Method::GET | Method::HEAD => answer(path),
        _ => Page {
            status: 405,
            kind: "text/plain",
            text: "Pages are read only.\n".into(),
        },
    };
    let mut response = Response::new(Full::new(page.text.into()));
    // A number that is none would be a fault of the program that has the page.
    let status = StatusCode::from_u16(page.status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = header::HeaderValue::from_static(page.kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
