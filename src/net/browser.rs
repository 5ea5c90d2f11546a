//! Recognises the browser and system of a request, so that the pages can give fitting instructions. Pure.
//!
//! Only texts depend on it; an unknown browser gets texts that fit everywhere.

/// Returns the browser's name as used in `web/first-contact/page.css`.
pub(super) fn browser(agent: &str) -> &'static str {
    let says = |word| agent.contains(word);
    // Nearly all browsers claim to be Chrome and Safari too, so test the more specific names first.
    if says("iPhone") || says("iPad") || says("iPod") {
        "ios" // whatever its name, it is WebKit
    } else if says("SamsungBrowser/") {
        "samsung"
    } else if says("Edg/") || says("EdgA/") {
        "edge"
    } else if says("Firefox/") {
        if says("Android") { "firefox-android" } else { "firefox" }
    } else if says("Chrome/") || says("Chromium/") {
        if says("Android") { "chrome-android" } else { "chrome" }
    } else if says("Safari/") && says("Macintosh") {
        "safari"
    } else {
        "unknown"
    }
}

/// Returns the system whose steps for trusting a certificate apply, as named in `web/first-contact/page.html`. Firefox on a
/// computer has steps of its own.
pub(super) fn system(agent: &str) -> &'static str {
    let says = |word| agent.contains(word);
    match browser(agent) {
        "ios" => "ios",
        "firefox" => "firefox",
        _ if says("Android") => "android",
        _ if says("Macintosh") => "mac",
        _ if says("Windows") => "windows",
        _ if says("Linux") || says("CrOS") => "linux",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_browser_gets_its_own_words() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, expected) in [
            (format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/157.0.0.0 Safari/537.36"), ("chrome", "linux")),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/157.0.0.0 Mobile Safari/537.36"), ("chrome-android", "android")),
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/157.0.0.0 Safari/537.36 Edg/157.0.0.0"), ("edge", "windows")),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/136.0.0.0 Mobile Safari/537.36 EdgA/136.0.0.0"), ("edge", "android")),
            (format!("Mozilla/5.0 (Linux; Android 15; SM-S921B) {webkit} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36"), ("samsung", "android")),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0".into(), ("firefox", "firefox")),
            ("Mozilla/5.0 (Android 15; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0".into(), ("firefox-android", "android")),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.2 Safari/605.1.15".into(), ("safari", "mac")),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.2 Mobile/15E148 Safari/604.1".into(), ("ios", "ios")),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/157.0 Mobile/15E148 Safari/604.1".into(), ("ios", "ios")),
            ("curl/8.14.1".into(), ("unknown", "")),
            (String::new(), ("unknown", "")),
        ] {
            assert_eq!((browser(&agent), system(&agent)), expected, "{agent}");
        }
    }
}
