"""When a page is at rest: nothing computes and nothing moves any more, so that what is clicked stays where it is."""

LOOK = """([quiet, most]) => new Promise((done, fail) => {
    const began = performance.now();
    let since = began, before = "";
    const look = () => {
        const now = performance.now(), app = document.querySelector("[data-testid=stApp]");
        const busy = app?.dataset.testScriptState !== "notRunning"
            || document.querySelector("[data-stale=true], [data-testid=stSkeleton]");
        const boxes = [...document.querySelectorAll("h1, .js-plotly-plot, [data-testid=stDataFrame]")]
            .map(one => Object.values(one.getBoundingClientRect().toJSON()).join()).join();
        if (busy || boxes !== before) since = now;
        before = boxes;
        if (now - since > quiet) done();
        else if (now - began > most) fail(new Error(`after ${most / 1000} s the page still computes or moves`));
        else setTimeout(look, 50);
    };
    look();
})"""


def at_rest(page, quiet: int = 500, most: int = 60_000) -> None:
    """Wait until a page of the dashboard has been quiet for `quiet` milliseconds; an error after `most` of them.

    Work that a page looks at every 0.4 s is no rest.
    """
    page.evaluate(LOOK, [quiet, most])
