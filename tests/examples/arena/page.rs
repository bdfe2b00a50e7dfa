//! The page of the arena in a browser; skipped where there is none.

use crate::arena::pilot::Pilot;
use crate::browser::{Browser, Page};
use crate::example::Example;

fn number(page: &mut Page) -> u8 {
    page.wait_for("!!world?.number");
    serde_json::from_value(page.eval("world.number")).unwrap()
}

/// Waits for pixels in the color of the page's own ship, as near as drawing gets to it.
fn wait_for_own_ship(page: &mut Page) {
    page.wait_for(
        "(() => {
            if (!own?.health) return false;
            const probe = new OffscreenCanvas(1, 1).getContext('2d');
            probe.fillStyle = color(world.number);
            probe.fillRect(0, 0, 1, 1);
            const wanted = probe.getImageData(0, 0, 1, 1).data;
            const { data } = paint.getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let at = 0; at < data.length; at += 4)
                if ([0, 1, 2].every(i => Math.abs(data[at + i] - wanted[i]) < 12)) found++;
            return 100 < found;
        })()",
    );
}

#[test]
fn the_page_draws_plays_and_comes_back() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let example = Example::start("arena", &["--bots", "3"]);
    let mut page = browser.open(&format!("http://{}/?name=Ada+L.#test", example.http));
    let own = number(&mut page);
    let shows = |id: &str, what: &str| format!("Number(find('{id}').textContent) {what}");
    page.wait_for(&shows("players", "=== 4"));
    page.wait_for(&shows("rate", "> 0"));
    page.wait_for(&shows("ping", ">= 0"));
    page.wait_for("find('board').querySelector('.me').textContent.startsWith('Ada L.')");
    page.wait_for("find('board').querySelectorAll('.bot').length === 3");
    page.wait_for("find('note').hidden");
    wait_for_own_ship(&mut page);

    let mut watcher = Pilot::join(example.http, "test", "Watcher");
    watcher.wait_for("the page", |seen| seen.players.contains_key(&own));
    page.wait_for(&shows("players", "=== 5"));
    page.eval("dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyD' }))");
    watcher.wait_for("its engine", |seen| seen.players[&own].thrusts());
    page.eval("dispatchEvent(new KeyboardEvent('keyup', { code: 'KeyD' }))");
    watcher.wait_for("the engine off", |seen| !seen.players[&own].thrusts());

    page.eval("socket.close()");
    watcher.wait_for("it gone", |seen| !seen.players.contains_key(&own));
    page.wait_for(&format!("!!world?.number && world.number !== {own}"));
    let again = number(&mut page);
    watcher.wait_for("it back", |seen| seen.players.contains_key(&again));
    wait_for_own_ship(&mut page);

    browser.close(page);
    watcher.wait_for("it gone", |seen| !seen.players.contains_key(&again));
    example.end();
}

/// Nothing of the arena is drawn where a panel stands, in a window of any shape.
#[test]
fn no_panel_covers_the_arena() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let example = Example::start("arena", &["--bots", "8"]);
    let mut page = browser.open(&format!("http://{}/?name=Ada#test", example.http));
    number(&mut page);
    page.wait_for("find('board').querySelectorAll('li').length === 9");
    for (width, height) in [(1280, 800), (390, 844), (844, 390), (320, 480), (700, 700)] {
        page.resize(width, height);
        page.wait_for(&format!(
            "innerWidth === {width} && innerHeight === {height}"
        ));
        page.show();
        let covers = "(id => {
            const box = find(id).getBoundingClientRect();
            const [right, bottom] = [field.x + field.width, field.y + field.height];
            return box.left < right && field.x < box.right
                && box.top < bottom && field.y < box.bottom;
        })";
        for panel in ["board", "status"] {
            // A panel grows with what it shows, and the next frame makes space for it.
            page.wait_for(&format!("!{covers}('{panel}')"));
        }
        // And only the background is drawn there: checked twice, as a frame may be in progress.
        page.wait_for(
            "(() => {
                const ratio = canvas.width / innerWidth;
                const box = find('board').getBoundingClientRect();
                const place = [box.left, box.top, box.width, box.height].map(it => it * ratio | 0);
                const { data } = paint.getImageData(...place);
                return data.every((byte, at) => byte === [11, 14, 20, 255][at % 4]);
            })()",
        );
        let scale = page.eval("view.scale").as_f64().unwrap();
        assert!((0.2..=2.0).contains(&scale), "{scale}");
    }
    // After some seconds the hint goes; the page's own clock says when.
    page.wait_for("find('help').classList.contains('gone')");
    browser.close(page);
    example.end();
}
