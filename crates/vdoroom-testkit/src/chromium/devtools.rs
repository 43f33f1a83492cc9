// SPDX-License-Identifier: MPL-2.0
//! A Chromium whose pages are used as a person uses them, by the DevTools protocol.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use async_tungstenite::tungstenite::{Error, Message, WebSocket, client::client};
use serde_json::{Value, json};

use super::process::{self, Process};

/// No command takes longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running Chromium. Dropping it kills it.
pub struct Browser {
    _process: Process,
    /// Where the protocol is spoken.
    url: String,
}

impl Browser {
    /// Finds this machine only, and accepts any certificate.
    pub fn start() -> Result<Self, String> {
        let profile = process::profile().map_err(|error| error.to_string())?;
        let arguments = [
            "--remote-debugging-port=0",
            "--ignore-certificate-errors",
            "about:blank",
        ];
        let mut process = process::start(
            profile,
            &["localhost", "127.0.0.1"],
            &arguments.map(String::from),
        )?;
        let said = process.stderr().ok_or("Chromium has no standard error")?;
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| Some(line.split_once("DevTools listening on ")?.1.to_owned()))
            .ok_or("Chromium has ended")?;
        thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            _process: process,
            url,
        })
    }

    /// Opens a page in a window of its own, and waits until it is there.
    pub fn open(&self, url: &str) -> Result<Page, String> {
        let host = self.url.split('/').nth(2).unwrap_or_default();
        let tcp = TcpStream::connect(host).map_err(|error| error.to_string())?;
        let (socket, _) = client(&self.url, tcp).map_err(|error| error.to_string())?;
        let mut page = Page {
            socket,
            session: Value::Null,
            commands: 0,
            events: vec![],
        };
        let blank = json!({"url": "about:blank", "newWindow": true});
        let target = page.command("Target.createTarget", blank)?["targetId"].take();
        let attach = json!({"targetId": target, "flatten": true});
        page.session = page.command("Target.attachToTarget", attach)?["sessionId"].take();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.command(domain, json!({}))?;
        }
        page.command("Page.navigate", json!({"url": url}))?;
        page.wait_for_event("Page.loadEventFired")?;
        Ok(page)
    }
}

/// One page of a [`Browser`].
pub struct Page {
    socket: WebSocket<TcpStream>,
    session: Value,
    commands: u64,
    events: Vec<Value>,
}

impl Page {
    /// Presses what the selector finds.
    pub fn press(&mut self, selector: &str) -> Result<(), String> {
        let selector = json!(selector);
        let place = self.evaluate(&format!(
            "(() => {{ const found = document.querySelector({selector});
                found.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const {{ x, y, width, height }} = found.getBoundingClientRect();
                return {{ x: x + width / 2, y: y + height / 2 }}; }})()"
        ))?;
        for kind in ["mousePressed", "mouseReleased"] {
            let (x, y) = (&place["x"], &place["y"]);
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.command("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    /// Fills in a field, or chooses from a list.
    pub fn fill(&mut self, selector: &str, value: &str) -> Result<(), String> {
        let (selector, value) = (json!(selector), json!(value));
        self.evaluate(&format!(
            "(() => {{ const found = document.querySelector({selector}); found.value = {value};
                for (const kind of ['input', 'change']) found.dispatchEvent(new Event(kind, {{ bubbles: true }}));
            }})()"
        ))
        .map(drop)
    }

    /// Waits until an expression of JavaScript is true; it is looked at whenever the page changes.
    pub fn wait_until(&mut self, expression: &str) -> Result<(), String> {
        let milliseconds = DEADLINE.as_millis() / 2;
        let true_in_time = self.evaluate(&format!(
            "new Promise((resolve) => {{
                const end = (so) => {{ observer.disconnect(); resolve(so); }};
                const check = () => {{ if ({expression}) end(true); }};
                const observer = new MutationObserver(check);
                observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
                setTimeout(end, {milliseconds}, false);
                check();
            }})"
        ))?;
        if true_in_time == true {
            return Ok(());
        }
        let text = self.evaluate("document.body.innerText")?;
        let text = text.as_str().unwrap_or_default();
        Err(format!(
            "{expression} has not come true:\n{text}\n{:#?}",
            self.complaints()
        ))
    }

    /// The value of an expression of JavaScript, or of the promise that it is.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let parameters =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.command("Runtime.evaluate", parameters)?;
        match answer.get("exceptionDetails") {
            Some(exception) => Err(format!("{expression}: {exception:#}")),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Errors of the page so far: its own, and what the browser forbade it.
    pub fn complaints(&self) -> Vec<&Value> {
        let bad = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => {
                matches!(event["params"]["type"].as_str(), Some("warning" | "error"))
            }
            _ => false,
        };
        self.events.iter().filter(bad).collect()
    }

    fn command(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        let text = Message::text(command.to_string());
        self.socket.send(text).map_err(|error| error.to_string())?;
        let mut answer = self.read_until(method, |json| json["id"] == id)?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    fn wait_for_event(&mut self, method: &str) -> Result<(), String> {
        if self.events.iter().any(|event| event["method"] == method) {
            return Ok(());
        }
        let event = self.read_until(method, |json| json["method"] == method)?;
        self.events.push(event);
        Ok(())
    }

    /// Reads until the message that is waited for, and keeps the events before it.
    fn read_until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Some(left.max(Duration::from_millis(1)));
            let read = self.socket.get_ref().set_read_timeout(timeout);
            let read = read.map_err(Error::Io).and_then(|()| self.socket.read());
            let message = read.map_err(|error| format!("{what}: {error}"))?;
            let Message::Text(text) = message else {
                continue;
            };
            let json: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            if is_it(&json) {
                return Ok(json);
            }
            self.events.push(json);
        }
    }
}
