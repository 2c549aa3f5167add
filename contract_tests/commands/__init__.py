"""Commands beside `ringback check`: a recording judged again or replayed, a proxy, a plan."""
