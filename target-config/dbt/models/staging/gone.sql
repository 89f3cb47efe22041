{% for stream, partition in ft42.streams().items() %}
{{ ft42.missed_by_a_census(stream, partition) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
