//! Which browser and system ask, as far as it decides what a person sees and has to press. Pure.
//!
//! Only words depend on it: whoever is not known gets words that fit everywhere.

/// The browser's name as `web/first-contact/page.css` has it.
pub(super) fn browser(agent: &str) -> &'static str {
    let says = |word| agent.contains(word);
    // Nearly all of them say they are Chrome and Safari, too: the more particular name first.
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

/// Whose steps it needs to trust a certificate, as `web/first-contact/page.html` has them; Firefox on a computer has its own.
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
