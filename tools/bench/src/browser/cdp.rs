//! A client of the Chrome DevTools Protocol, as small as the bench needs: it asks and waits for the answer.
//! It skips all events except those about new children.

use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::network::site::Site;

/// Time limit for an answer; only a browser that hangs exceeds it.
const ANSWER_TIME: Duration = Duration::from_secs(15);

/// A connection to one target of the browser.
pub struct Cdp {
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    last_id: u64,
    children: Vec<Child>,
}

/// A script context of the page, to which the browser attached automatically.
#[derive(Clone, Debug)]
pub struct Child {
    /// The session of this context.
    pub session: String,
    /// The target's type: worker, worklet, …
    pub kind: String,
}

impl Cdp {
    /// Connects to the browser's endpoint: `path` on port `port` of the loopback address at the browser's
    /// site.
    pub fn connect(site: &Site, port: u16, path: &str) -> Result<Self, String> {
        let describe = |e: &dyn std::fmt::Display| format!("connecting to the browser on port {port}: {e}");
        let stream = site.connect(Ipv4Addr::LOCALHOST, port).map_err(|e| describe(&e))?;
        stream.set_read_timeout(Some(ANSWER_TIME)).map_err(|e| describe(&e))?;
        stream.set_nodelay(true).map_err(|e| describe(&e))?;
        let (socket, _) =
            tungstenite::client(format!("ws://127.0.0.1:{port}{path}"), stream).map_err(|e| describe(&e))?;
        Ok(Self { socket, session: None, last_id: 0, children: Vec::new() })
    }

    /// Makes this target the receiver of all further commands.
    pub fn attach(&mut self, target: &str) -> Result<(), String> {
        let attached = self.ask("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }))?;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        self.session.is_some().then_some(()).ok_or_else(|| format!("the browser gave no session: {attached}"))
    }

    /// The session of the attached target.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Attaches to all Workers and worklets of the page, or detaches from them.
    pub fn attach_children(&mut self, attach: bool) -> Result<Vec<Child>, String> {
        self.children.clear();
        let wish = json!({ "autoAttach": attach, "waitForDebuggerOnStart": false, "flatten": true });
        self.ask("Target.setAutoAttach", &wish)?;
        Ok(self.children.clone())
    }

    /// Sends a command and returns its result.
    pub fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value, String> {
        self.ask_in(self.session.clone().as_deref(), method, parameters)
    }

    /// Sends a command to the target of another session and returns its result.
    pub fn ask_in(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
    ) -> Result<Value, String> {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        let failed = |e: tungstenite::Error| format!("the browser did not answer {method}: {e}");
        self.socket.send(Message::text(command.to_string())).map_err(failed)?;
        loop {
            let Message::Text(text) = self.socket.read().map_err(failed)? else { continue };
            let answer: Value =
                serde_json::from_str(&text).map_err(|e| format!("the browser's answer to {method}: {e}"))?;
            if let (Some("Target.attachedToTarget"), Some(session), Some(kind)) = (
                answer["method"].as_str(),
                answer["params"]["sessionId"].as_str(),
                answer["params"]["targetInfo"]["type"].as_str(),
            ) {
                self.children.push(Child { session: session.into(), kind: kind.into() });
            }
            if answer["id"] == json!(self.last_id) {
                return match answer.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(answer["result"].clone()),
                };
            }
        }
    }
}
