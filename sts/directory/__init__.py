"""The nouns are changed here, by the rules.

A file for each noun, called as in `store/` and in `aws/iam/`. Verbs take the transaction first; each change says what
it touched, so that snapshots everywhere drop that and nothing else. `names` says what names and paths may be,
`bearers` what goes for whoever bears policies, `managed` holds the policies that the service keeps itself.
"""
