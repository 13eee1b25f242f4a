"""The steps of the way: collect, plan, deliver, reconcile. Each can be restarted alone."""
