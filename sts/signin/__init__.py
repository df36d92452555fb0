"""The pages, under `/ui/`: signing in, and what a person sees and does who is signed in.

`endpoint` is the front, `row` what a row of its table consists of, `table` where a row is found, `visit` the request
with all that is known of it, `answer` what a page answers, `security` what protects it in a browser, `errors` the one
table from Refusal to what a page says, `rendering` and `templates/` how it looks. `progress` leads through a sign-in;
`pages` puts the table together, and beside them
stands a file for each part of a sign-in and for each noun.

How a page is added:

1. A file for its noun with a class of collaborators whose `rows()` returns a `Page` for each thing that is shown (GET)
   or done (POST). A row states its proof: `SESSION` for who is signed in, `RECENT` for what is most sensitive: whoever
   signed in longer ago is led through `/ui/again` and back to the row's `back`.
2. `find` looks up what the page is about, `demands` says which (action, resource) pairs must be allowed for it: the
   same that the operation of the API demands. The endpoint decides and records; who may not does not reach `run`.
3. `run` reads with `visit.read` and changes with `visit.change`, at most once: what it does there and the record of the
   request are one transaction. It calls the verb of `directory/` that the API calls. It returns `Shown` with a template
   and its values, or `Moved` to a page: whatever was changed and shows no secret is answered so, and a reload repeats
   nothing. A secret that is shown once is a `Shown` of the POST itself; no page may be kept by a cache.
4. The template extends `base.html` and uses the macros of `forms.html`; a form holds `{{ token(csrf) }}`. No script, no
   style in an attribute (the Content-Security-Policy lets neither be): what is missing goes into `style.css`.
5. `retry` shows a form again with what was wrong; without it the person sees the page of errors, and the way back.
6. The rows are put into the table in `pages`; the tests of every page (`tests/signin`) find them there.
"""
