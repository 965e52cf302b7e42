<?php
// Ideas of a path in PHP, on its own server (`php -S`), which has one too.

function is_admin($path) {
    return is_string($path) && preg_match('#^/(admin|tasks)(/|$)#', $path);
}

$uri = $_SERVER['REQUEST_URI'];
$raw = explode('?', $uri, 2)[0];
$ideas = [
    'SCRIPT_NAME' => $_SERVER['SCRIPT_NAME'],
    'PHP_SELF' => $_SERVER['PHP_SELF'],
    'PATH_INFO' => $_SERVER['PATH_INFO'] ?? '',
    'REQUEST_URI' => $raw,
    'parse_url' => parse_url($uri, PHP_URL_PATH),
    'parse_url, rawurldecode' => rawurldecode((string) parse_url($uri, PHP_URL_PATH)),
    'urldecode' => urldecode($raw),
    'urldecode, trim' => trim(urldecode($raw)),
    'urldecode, then parse_url' => parse_url(urldecode($uri), PHP_URL_PATH),
    'urldecode twice' => urldecode(urldecode($raw)),
    'strtolower' => strtolower(rawurldecode($raw)),
    'segments' => '/' . implode('/', array_values(array_filter(
        array_map('trim', explode('/', urldecode($raw))), 'strlen'))),
    'case-insensitive expression' =>
        preg_match('#^/(admin|tasks)(/|$)#iu', rawurldecode($raw)) ? '/admin' : '',
];
$reached = array_keys(array_filter($ideas, 'is_admin'));
header('X-Reached: ' . ($reached ? 'admin: ' . implode('; ', $reached) : '-'));
header('Content-Length: 0');
