// SPDX-License-Identifier: MPL-2.0
//! User name and password in the URL of the room server: for a proxy that requires them; they go
//! nowhere else.

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::handshake::client::Request;
use async_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue};
use async_tungstenite::tungstenite::{Error, http};
use data_encoding::BASE64;
use percent_encoding::percent_decode_str;
use url::Url;

/// As it may be told.
pub(super) fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    // Only a URL without a host has no place for them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url
}

/// With the credentials of the URL, for a proxy that wants them (RFC 7617).
pub(super) fn request(url: &Url) -> Result<Request, Error> {
    let mut bare = url.clone();
    let _ = (bare.set_username(""), bare.set_password(None));
    let mut request = bare.as_str().into_client_request()?;
    if !url.username().is_empty() || url.password().is_some() {
        let mut credentials: Vec<u8> = percent_decode_str(url.username()).collect();
        credentials.push(b':');
        credentials.extend(percent_decode_str(url.password().unwrap_or_default()));
        let basic = format!("Basic {}", BASE64.encode(&credentials));
        let mut basic = HeaderValue::try_from(basic).map_err(http::Error::from)?;
        basic.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, basic);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use async_std::net::{TcpListener, TcpStream};
    use async_tungstenite::tungstenite::handshake::server;
    use async_tungstenite::tungstenite::http::StatusCode;

    use super::super::server::Server;
    use super::*;

    fn at(url: &str) -> Server {
        Server {
            url: Url::parse(url).unwrap(),
            tls: Default::default(),
        }
    }

    /// What a server that wants credentials is sent as such, and how the client ended.
    async fn behind_a_proxy(credentials: &str, wanted: &str) -> (String, Result<(), Error>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = at(&format!(
            "ws://{credentials}{}/x",
            listener.local_addr().unwrap()
        ));
        let mut seen = String::new();
        let proxy = async {
            let (stream, _) = listener.accept().await.unwrap();
            #[expect(clippy::result_large_err, reason = "tungstenite wants it so")]
            let check = |request: &server::Request, answer: server::Response| {
                let header = request.headers().get(AUTHORIZATION);
                seen = header
                    .map_or("", |value| value.to_str().unwrap())
                    .to_owned();
                if seen == wanted {
                    return Ok(answer);
                }
                let refusal = server::ErrorResponse::new(None);
                let (mut parts, body) = refusal.into_parts();
                parts.status = StatusCode::UNAUTHORIZED;
                Err(server::ErrorResponse::from_parts(parts, body))
            };
            let _ = async_tungstenite::accept_hdr_async(stream, check).await;
        };
        let client = async { attempt(server).await };
        let (ended, ()) = futures_util::future::join(client, proxy).await;
        (seen, ended)
    }

    /// `Aladdin:open sesame`, the example of RFC 7617 section 2.
    const ALADDIN: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

    #[test]
    fn the_credentials_of_the_server_go_to_a_proxy_that_wants_them() {
        async_std::task::block_on(async {
            let (seen, ended) = behind_a_proxy("Aladdin:open%20sesame@", ALADDIN).await;
            assert!(ended.is_ok(), "{ended:?}");
            assert_eq!(seen, ALADDIN);
            let (seen, ended) = behind_a_proxy("", "").await;
            assert!(ended.is_ok() && seen.is_empty(), "{ended:?} {seen}");
        });
    }

    #[test]
    fn a_proxy_that_refuses_is_told_of_without_the_credentials() {
        async_std::task::block_on(async {
            let (_, ended) = behind_a_proxy("Aladdin:wrong%20word@", ALADDIN).await;
            assert!(matches!(ended, Err(Error::Http(_))), "{ended:?}");
            let server = at("wss://Aladdin:wrong%20word@127.0.0.1:9/x");
            let told = format!("{} {server:?}", without_credentials(&server.url));
            assert!(
                !told.contains("Aladdin") && !told.contains("wrong"),
                "{told}"
            );
        });
    }

    async fn attempt(server: Server) -> Result<(), Error> {
        let address = server.url.socket_addrs(|| None).unwrap();
        let stream = TcpStream::connect(address[0]).await.unwrap();
        let request = request(&server.url)?;
        async_tungstenite::client_async(request, stream)
            .await
            .map(drop)
    }
}
